/** A sheet of units by seeds, as it sits in the address bar: `sheet=0..7:1..2` or, with the negative of each beside it, `sheet=0..7:1..2:both`. */
import { NumberListError, parseNumbers, writeNumbers } from "./numberList";
import { MAX_SEED } from "./settings";

export interface SheetPlan {
  units: readonly number[];
  seeds: readonly number[];
  /** Also what each unit would have least of. */
  negative: boolean;
}

/** Pictures that are drawn together. */
export const MOST_SEEDS = 8;
export const MOST_UNITS = 128;

/** Whole numbers as people type them. Throws NumberListError saying what is wrong with which. */
function wholes(what: string, text: string, [low, high]: readonly [number, number], most: number): number[] {
  const numbers = parseNumbers(text.replace(/(\d)\s*[-–]\s*(?=\d)/g, "$1..")); // people write ranges with a dash, and no whole is negative
  const bad = numbers.find((n) => !Number.isInteger(n) || n < low || n > high);
  if (bad !== undefined) throw new NumberListError(`${bad} is no ${what}: whole numbers from ${low} to ${high} are.`);
  if (numbers.length > most) throw new NumberListError(`These are ${numbers.length} ${what}s; at most ${most} fit on a sheet.`);
  return [...new Set(numbers)];
}

/** `channels`: how many the layer has. Throws NumberListError. */
export const parseUnits = (text: string, channels = 1e6): number[] => wholes("unit", text, [0, channels - 1], MOST_UNITS);
/** Throws NumberListError. */
export const parseSeeds = (text: string): number[] => wholes("seed", text, [0, MAX_SEED], MOST_SEEDS);

/** Throws NumberListError. */
export function readSheet(text: string): SheetPlan {
  const [units = "", seeds = "", sign, ...rest] = text.split(":");
  if (rest.length || (sign !== undefined && sign !== "both"))
    throw new NumberListError(`"${text.slice(0, 60)}" is no sheet: units:seeds or units:seeds:both is, like 0..7:1..2.`);
  return { units: parseUnits(units), seeds: parseSeeds(seeds), negative: sign === "both" };
}

export const writeSheet = ({ units, seeds, negative }: SheetPlan): string =>
  [writeNumbers(units), writeNumbers(seeds), ...(negative ? ["both"] : [])].join(":").replaceAll(", ", ",");
