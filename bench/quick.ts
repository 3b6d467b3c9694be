/**
 * `npm run bench:quick`: the recipe "quick" against Lucid's 512 steps, unit by unit, in one run.
 *
 *   npm run bench:quick [-- --json FILE] [--sheet FILE.png] [--channels 0,1,2] [--seed 1] [--threads N] [--model FILE]
 *
 * Two objectives are compared: that of the finished picture as it is, without transforms, and the mean of the last 8 steps, on transformed
 * pictures. Times are of the renders, turn by turn, without compiling, which is done once for all units of a layer: by the clock, and of
 * the processor, which is what counts where others use the machine too.
 * --json writes { rows, summary }; --sheet draws the pictures, Lucid's above, quick's below.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { writePng } from "../cli/png";
import { sheetOf } from "../src/export/sheet";
import type { Picture } from "../src/api/engine";
import { compileGoal } from "../src/engine/goal";
import { nodeRuntime } from "../src/engine/ortNode";
import { renderPicture } from "../src/engine/render";
import type { Program } from "../src/engine/runtime";
import type { Stepper } from "../src/engine/stepper";
import { canonicalise } from "../src/onnx/canonicalise";
import type { Tensor } from "../src/onnx/graph";
import { readModel } from "../src/onnx/read";
import { f32 } from "../src/onnx/tensor";
import type { Recipe } from "../src/vis/recipe";
import { lucid, quick } from "../src/vis/recipes";
import { LAYER, PREPROCESSING } from "./googlenet";

/** Steps at the end whose mean is compared. */
const LAST = 8;
const UNITS = Array.from({ length: 16 }, (_, i) => i);

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    sheet: { type: "string" },
    channels: { type: "string", default: UNITS.join() },
    seed: { type: "string", default: "1" },
    threads: { type: "string" },
    model: { type: "string", default: "../shared/data/models/googlenet.onnx" },
  },
});
if (!existsSync(values.model)) throw new Error(`no GoogLeNet at ${values.model}; say where it is with --model FILE.`);
const channels = values.channels.split(",").map(Number);
const graph = readModel(readFileSync(values.model), values.model);
const runtime = nodeRuntime(values.threads === undefined ? undefined : Number(values.threads));

interface Made {
  picture: Picture;
  /** The objective of the finished picture, without transforms. */
  finished: number;
  /** Its mean over the last steps. */
  last: number;
  ms: number;
  /** Of the processor, all threads together. */
  cpuMs: number;
}

const COMPARED = ["finished", "last", "ms", "cpuMs"] as const;
type Ratios = Record<(typeof COMPARED)[number], number>;

/** A recipe, ready: its step compiled once, its pictures measured at their own size. */
interface Contestant {
  recipe: Recipe;
  compileMs: number;
  make: (channel: number) => Promise<Made>;
}

const rows: { channel: number; lucid: Made; quick: Made }[] = [];
const seeded = (recipe: Recipe): Recipe => ({ ...recipe, seed: Number(values.seed) });
const [slow, fast] = [await contestant(seeded(lucid)), await contestant(seeded(quick))];
console.log(`${runtime.info.label}; compiled in ${seconds(slow.compileMs)} and ${seconds(fast.compileMs)} s`);
for (const channel of channels) {
  const row = { channel, lucid: await slow.make(channel), quick: await fast.make(channel) };
  rows.push(row);
  const { finished, last, ms, cpuMs } = ratios(row);
  console.log(
    `channel ${channel}: finished ${percent(finished)}, last ${LAST} steps ${percent(last)}, ` +
      `time ${percent(ms)}, of the processor ${percent(cpuMs)}`,
  );
}
report();
if (values.sheet) await writePng(values.sheet, sheetOf(sheetOrder(), { columns: Math.min(8, rows.length), gap: 0 })!);
process.exit(); // ORT's WASM threads would keep the process alive

async function contestant(recipe: Recipe): Promise<Contestant> {
  let stepper: Stepper | undefined;
  const goalOf = (channel: number) =>
    compileGoal(
      runtime,
      { graph, preprocessing: PREPROCESSING, objective: { kind: "channel", layer: LAYER, channel }, recipe },
      async (_, make) => (stepper ??= await make()),
    );
  const started = performance.now();
  await goalOf(0);
  const compileMs = performance.now() - started;
  const size = [recipe.size, recipe.size] as const;
  const asIs = canonicalise(graph, { size, batch: 1, until: [LAYER], preprocessing: PREPROCESSING });
  const look = await runtime.compile(asIs, { resident: [] });
  const make = async (channel: number): Promise<Made> => {
    const goal = await goalOf(channel);
    const before = process.cpuUsage();
    const { pictures, scores, elapsedMs } = await renderPicture(goal, { recipe, signal: new AbortController().signal });
    const { user, system } = process.cpuUsage(before);
    const [picture] = pictures as [Picture];
    const finished = await channelMean(look, asIs.inputs[0]!.name, picture, channel);
    return { picture, finished, last: mean(scores.slice(-LAST)), ms: elapsedMs, cpuMs: (user + system) / 1000 };
  };
  return { recipe, compileMs, make };
}

/** Mean of `channel` over positions, for a finished picture. */
async function channelMean(look: Program, input: string, { width, height, rgba }: Picture, channel: number): Promise<number> {
  const plane = width * height;
  const image = f32(
    Float32Array.from({ length: 3 * plane }, (_, i) => rgba[4 * (i % plane) + Math.floor(i / plane)]! / 255),
    [1, 3, height, width],
  );
  const { data, shape } = (await look.run({ [input]: image }, [LAYER]))[LAYER] as Tensor;
  const positions = shape[2]! * shape[3]!;
  return mean((data as Float32Array).subarray(channel * positions, (channel + 1) * positions));
}

/** Quick's over Lucid's. */
function ratios(row: (typeof rows)[number]): Ratios {
  return Object.fromEntries(COMPARED.map((key) => [key, row.quick[key] / row.lucid[key]])) as Ratios;
}

function report(): void {
  const each = rows.map(ratios);
  const over = (key: "finished" | "last") => ({
    mean: mean(each.map((r) => r[key])),
    least: Math.min(...each.map((r) => r[key])),
  });
  const total = (who: "lucid" | "quick", key: "ms" | "cpuMs") => rows.reduce((sum, row) => sum + row[who][key], 0);
  const shareOf = (key: "ms" | "cpuMs") => total("quick", key) / total("lucid", key);
  const summary = {
    steps: [slow.recipe.steps, fast.recipe.steps],
    finished: over("finished"),
    last: over("last"),
    time: shareOf("ms"),
    processorTime: shareOf("cpuMs"),
    secondsEach: [total("lucid", "ms") / rows.length / 1000, total("quick", "ms") / rows.length / 1000],
  };
  console.table(
    rows.map((row, i) => ({
      channel: row.channel,
      "finished, lucid": round(row.lucid.finished),
      "finished, quick": round(row.quick.finished),
      ratio: round(each[i]!.finished),
      [`last ${LAST}, lucid`]: round(row.lucid.last),
      [`last ${LAST}, quick`]: round(row.quick.last),
      "ratio ": round(each[i]!.last),
      "s, lucid": round(row.lucid.ms / 1000),
      "s, quick": round(row.quick.ms / 1000),
    })),
  );
  console.log(
    `quick (${fast.recipe.steps} steps) against lucid (${slow.recipe.steps}), ${rows.length} units, seed ${values.seed}: ` +
      `finished pictures reach ${percent(summary.finished.mean)} (the least ${percent(summary.finished.least)}), ` +
      `the last ${LAST} steps ${percent(summary.last.mean)} (the least ${percent(summary.last.least)}), ` +
      `in ${percent(summary.time)} of the time by the clock, ${percent(summary.processorTime)} of the processor's.`,
  );
  if (values.json) {
    const bare = ({ finished, last, ms, cpuMs }: Made) => ({ finished, last, ms, cpuMs });
    const plain = rows.map((row) => ({ channel: row.channel, lucid: bare(row.lucid), quick: bare(row.quick) }));
    writeFileSync(values.json, `${JSON.stringify({ rows: plain, summary }, null, 2)}\n`);
  }
}

/** Rows of up to 8: Lucid's pictures, then quick's of the same units. */
function sheetOrder(): Picture[] {
  const columns = Math.min(8, rows.length);
  const full = rows.slice(0, rows.length - (rows.length % columns));
  return full.flatMap((_, i) =>
    i % columns ? [] : (["lucid", "quick"] as const).flatMap((key) => full.slice(i, i + columns).map((row) => row[key].picture)),
  );
}

function mean(numbers: ArrayLike<number>): number {
  return Array.from(numbers).reduce((a, b) => a + b, 0) / numbers.length;
}
function round(x: number): number {
  return Math.round(x * 100) / 100;
}
function percent(x: number): string {
  return `${(100 * x).toFixed(1)} %`;
}
function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
