/**
 * What the pictures are worth, in numbers: `npm run quality -- [--steps 256] [--size 128] [--seed 1] [--sheet sheet.png] [--json FILE]`.
 *
 * Renders 20 channels of GoogLeNet's inception_4c_output with Lucid's recipe, three of them dead at the start, and compares each
 * final objective with the highest that the channel reaches on any of 100 photos (224 px, centre square).
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { LAYER, PREPROCESSING } from "../bench/googlenet";
import { writePng } from "../cli/png";
import { sheetOf } from "../src/export/sheet";
import { nodeRuntime } from "../src/engine/ortNode";
import { compileGoal } from "../src/engine/goal";
import { renderPicture } from "../src/engine/render";
import type { Picture } from "../src/api/engine";
import type { Runtime } from "../src/engine/runtime";
import type { Stepper } from "../src/engine/stepper";
import { canonicalise } from "../src/onnx/canonicalise";
import type { Graph, Tensor } from "../src/onnx/graph";
import { sidesOf } from "../src/onnx/preprocessing";
import { f32 } from "../src/onnx/tensor";
import type { Objective } from "../src/vis/objective/types";
import { lucid } from "../src/vis/recipes";
import { FACTOR, readGooglenet } from "./googlenet";
import { photo, photoNames } from "./photos";

const CHANNELS = [...Array.from({ length: 16 }, (_, i) => i), 100, 200, 300, 400];
/** Mean over positions of every channel of `layer`, for each picture [1, 3, S, S] in turn. */
async function channelMeans(
  runtime: Runtime,
  graph: Graph,
  layer: string,
  pictures: Iterable<Tensor>,
  size: number,
): Promise<Float32Array[]> {
  const model = canonicalise(graph, { size: [size, size], batch: 1, until: [layer], preprocessing: PREPROCESSING });
  const program = await runtime.compile(model, { resident: [] });
  const means: Float32Array[] = [];
  for (const picture of pictures) {
    const { shape, data } = (await program.run({ [model.inputs[0]!.name]: picture }, [layer]))[layer] as Tensor;
    const [, channels, height, width] = shape as [number, number, number, number];
    const positions = height * width;
    means.push(
      Float32Array.from({ length: channels }, (_, c) => {
        let sum = 0;
        for (let i = 0; i < positions; i++) sum += Number(data[c * positions + i]);
        return sum / positions;
      }),
    );
  }
  await program.dispose();
  return means;
}

function* photos(size: number): Generator<Tensor> {
  for (const name of photoNames()) yield photo(name, size);
}

/** For every channel, the highest mean that any photo reaches. */
async function bestPhotos(runtime: Runtime, graph: Graph, layer: string): Promise<Float32Array> {
  const [side] = sidesOf(PREPROCESSING);
  const means = await channelMeans(runtime, graph, layer, photos(side), side);
  return means.reduce((best, row) => best.map((v, c) => Math.max(v, row[c]!)));
}

/** RGBA bytes as a network input. */
function asInput({ width, height, rgba }: { width: number; height: number; rgba: Uint8ClampedArray }): Tensor {
  const plane = width * height;
  return f32(
    Float32Array.from({ length: 3 * plane }, (_, i) => rgba[4 * (i % plane) + Math.floor(i / plane)]! / 255),
    [1, 3, height, width],
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      steps: { type: "string", default: "256" },
      size: { type: "string", default: "128" },
      seed: { type: "string", default: "1" },
      channels: { type: "string", default: CHANNELS.join() },
      sheet: { type: "string", default: "quality.png" },
      json: { type: "string" },
    },
  });
  const channels = values.channels.split(",").map(Number);
  const recipe = { ...lucid, steps: Number(values.steps), size: Number(values.size), seed: Number(values.seed) };
  const graph = readGooglenet();
  const runtime = nodeRuntime();
  const best = await bestPhotos(runtime, graph, LAYER);
  const steppers = new Map<string, Promise<Stepper>>();
  const rows = [];
  const pictures = [];
  console.log("channel  photo  first  last step  finished picture  last step / photo  finished / photo  ms/step");
  for (const channel of channels) {
    const objective: Objective = { kind: "channel", layer: LAYER, channel };
    const goal = await compileGoal(runtime, { graph, preprocessing: PREPROCESSING, objective, recipe }, (key, make) => {
      const stepper = steppers.get(key) ?? make();
      steppers.set(key, stepper);
      return stepper;
    });
    const made = await renderPicture(goal, { recipe, signal: new AbortController().signal });
    const [picture] = made.pictures as [Picture];
    const [means] = await channelMeans(runtime, graph, LAYER, [asInput(picture)], recipe.size);
    const row = {
      channel,
      photo: best[channel]!,
      first: made.scores[0]!,
      score: made.score,
      finished: means![channel]!,
      msPerStep: made.elapsedMs / recipe.steps,
    };
    rows.push(row);
    pictures.push(picture);
    const cells: [number | string, number][] = [
      [channel, 7],
      [row.photo.toFixed(1), 7],
      [row.first.toFixed(1), 7],
      [row.score.toFixed(1), 11],
      [row.finished.toFixed(1), 18],
      [(row.score / row.photo).toFixed(1), 19],
      [(row.finished / row.photo).toFixed(1), 18],
      [row.msPerStep.toFixed(0), 9],
    ];
    console.log(cells.map(([text, width]) => String(text).padStart(width)).join(""));
  }
  const passed = rows.filter((row) => row.score >= FACTOR * row.photo).length;
  console.log(
    `${passed} of ${rows.length} channels reach ${FACTOR} times the best photo; ${rows.filter((r) => r.score <= 0).length} are dead.`,
  );
  await writePng(values.sheet, sheetOf(pictures, { columns: 5, gap: 0 })!);
  if (values.json) await writeFile(values.json, JSON.stringify({ recipe, rows, passed }, null, 2));
  await runtime.dispose();
}

await main();
process.exit(); // ORT's WASM threads would keep the process alive
