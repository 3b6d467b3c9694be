/** The local test copy of GoogLeNet (never committed), and what its pictures are measured by. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Graph } from "../src/onnx/graph";
import { readModel } from "../src/onnx/read";
import { SHARED_DATA } from "./photos";

/** A picture counts when it excites its channel this many times as much as the best photo. */
export const FACTOR = 8;

export const readGooglenet = (): Graph => readModel(readFileSync(join(SHARED_DATA, "models/googlenet.onnx")), "googlenet.onnx");
