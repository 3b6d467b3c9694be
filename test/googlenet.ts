/** The local test copy of GoogLeNet (never committed), the layer and the channels that the pictures' quality is measured on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Graph } from "../src/onnx/graph";
import type { Preprocessing } from "../src/onnx/preprocessing";
import { readModel } from "../src/onnx/read";
import { SHARED_DATA } from "./photos";

export const LAYER = "inception_4c_output";

/** A picture counts when it excites its channel this many times as much as the best photo. */
export const FACTOR = 8;

/** Caffe's convention. */
export const GOOGLENET: Preprocessing = {
  input: "data",
  layout: "NCHW",
  channels: "BGR",
  range: 255,
  mean: [104, 117, 123],
  std: [1, 1, 1],
  size: 224,
};

export const readGooglenet = (): Graph => readModel(readFileSync(join(SHARED_DATA, "models/googlenet.onnx")), "googlenet.onnx");
