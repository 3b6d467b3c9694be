/** Lists of numbers as people type them: "-10..10, 0 x5" or "0.9..1.1 by 0.02". */

export class NumberListError extends Error {
  override readonly name = "NumberListError";
}

/** Longer lists are a slip of the finger. */
const MOST = 256;
/** Shorter runs are spelled out. */
const RUN = 4;

const round = (value: number): number => Number(value.toPrecision(9));

export function parseNumbers(text: string): number[] {
  const numbers = text.split(/[,;]/).flatMap((part) => (part.trim() ? expanded(part.trim()) : []));
  if (!numbers.length) throw new NumberListError('Name at least one number, like "-5..5" or "0.95, 1, 1.05".');
  if (numbers.length > MOST) throw new NumberListError(`These are ${numbers.length} numbers; at most ${MOST} are taken.`);
  return numbers;
}

const NUMBER = String.raw`([+-−]?(?:\d+\.?\d*|\.\d+))`;
const PART = new RegExp(String.raw`^${NUMBER}(?:\s*\.\.\s*${NUMBER}(?:\s*by\s*${NUMBER})?|\s*[x×]\s*(\d{1,3}))?$`);

function expanded(part: string): number[] {
  const match = PART.exec(part);
  if (!match) throw new NumberListError(`"${part}" is no number, no range like "-5..5 by 1" and no repeat like "0 x5".`);
  const [from, to, by = 1] = match.slice(1, 4).map((t) => (t === undefined ? undefined : Number(t.replace("−", "-")))) as [
    number,
    number | undefined,
    number | undefined,
  ];
  if (match[4]) return Array.from({ length: Math.min(Number(match[4]), MOST + 1) }, () => from);
  if (to === undefined) return [from];
  if (!(by > 0) || to < from) throw new NumberListError(`"${part}" leads nowhere: a range goes up, by more than 0.`);
  return Array.from({ length: Math.min(MOST + 1, Math.floor((to - from) / by + 1e-6) + 1) }, (_, i) => round(from + i * by));
}

/** The shortest text that parseNumbers reads as these. */
export function writeNumbers(numbers: readonly number[]): string {
  const out: string[] = [];
  for (let i = 0; i < numbers.length;) {
    const by = round((numbers[i + 1] ?? 0) - numbers[i]!);
    let end = i;
    while (end + 1 < numbers.length && round(numbers[end + 1]! - numbers[end]!) === by && by >= 0) end += 1;
    const count = end - i + 1;
    if (count < RUN) {
      out.push(String(round(numbers[i]!)));
      i += 1;
    } else {
      const [from, to] = [round(numbers[i]!), round(numbers[end]!)];
      out.push(by === 0 ? `${from} x${count}` : `${from}..${to}${by === 1 ? "" : ` by ${by}`}`);
      i = end + 1;
    }
  }
  return out.join(", ");
}
