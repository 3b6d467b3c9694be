/**
 * Writes test/golden.json: values and gradients of tiny models (test/goldenModels.ts) by TF.js on its plain JavaScript backend.
 *
 *   npm run golden
 */
import * as tf from "@tensorflow/tfjs";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Tensor } from "../src/onnx/graph";
import { COTANGENT_SEED, goldenModels, X_SEED, type GoldenModel } from "../test/goldenModels";
import { randomTensor } from "../test/smallGraph";

export interface Golden {
  title: string;
  shape: number[];
  value: number[];
  grad: number[];
}

const toNhwc = (x: tf.Tensor): tf.Tensor => (x.rank === 4 ? tf.transpose(x, [0, 2, 3, 1]) : x);
const toNchw = (x: tf.Tensor): tf.Tensor => (x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : x);

async function golden({ title, shape, weights, theirs }: GoldenModel): Promise<Golden> {
  const tensor = (t: Tensor): tf.Tensor => tf.tensor(t.data as Float32Array, [...t.shape]);
  const x = tensor(randomTensor(shape, X_SEED));
  const constants = weights.map((w) => tensor(w) as tf.Tensor4D);
  const f = (v: tf.Tensor) => toNchw(theirs(tf, toNhwc(v) as tf.Tensor4D, ...constants));
  const y = f(x);
  const cotangent = tensor(randomTensor(y.shape, COTANGENT_SEED));
  const rounded = async (t: tf.Tensor) => Array.from(await t.data(), (v) => Number(v.toPrecision(7)));
  return { title, shape: y.shape, value: await rounded(y), grad: await rounded(tf.grad(f)(x, cotangent)) };
}

await tf.setBackend("cpu");
const rows: string[] = [];
for (const model of goldenModels) rows.push(JSON.stringify(await golden(model)));
writeFileSync(resolve(import.meta.dirname, "../test/golden.json"), `[\n${rows.join(",\n")}\n]\n`);
