/**
 * `npm run bench:memory`: how much memory it takes to make a large float32 file int8 while it arrives.
 *
 * A file of VGG-19's shape (575 MB, seeded weights) is made piece by piece, never as a whole, and fed to the converter that the store
 * uses; then the int8 file is written out piece by piece, as the store does. The most that the process grew is compared with the
 * bound that an import must keep: the file's size and 200 MB. The process is a fresh one, since memory is counted for it.
 */
import { execFileSync } from "node:child_process";
import { sha256 } from "@noble/hashes/sha2.js";
import { sizeOf, type Graph, type Node, type Tensor } from "../src/onnx/graph";
import { modelParts } from "../src/onnx/write";
import { SmallModelStream } from "../src/quantize/stream";

const MB = 1e6;
const PIECE = 1 << 16;

/** VGG-19 (Simonyan and Zisserman 2015): channels of its convolutions, "M" for a pool; then three dense layers. */
const PLAN = [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"] as const;
const DENSE = [4096, 4096, 1000];

/** A weight that has only a shape: its bytes are made when the file gets there. */
const shaped = (shape: readonly number[]): Tensor => ({ dtype: "float32", shape, data: new Float32Array() });

function vgg19(): Graph {
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  let [value, channels] = ["data", 3];
  const add = (op: string, inputs: string[], attrs: Node["attrs"] = {}) => {
    const name = `${op}${nodes.length}`;
    nodes.push({ op, name, domain: "", inputs: [value, ...inputs], outputs: [name], attrs });
    value = name;
  };
  const held = (shape: number[]): string => {
    const name = `w${constants.size}`;
    constants.set(name, shaped(shape));
    return name;
  };
  for (const step of PLAN) {
    if (step === "M") add("MaxPool", [], { kernel_shape: [2, 2], strides: [2, 2] });
    else {
      add("Conv", [held([step, channels, 3, 3]), held([step])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      add("Relu", []);
      channels = step;
    }
  }
  add("Flatten", []);
  let width = 512 * 7 * 7;
  for (const units of DENSE) {
    add("Gemm", [held([units, width]), held([units])], { transB: 1 });
    width = units;
  }
  const inputs = [{ name: "data", dtype: "float32" as const, shape: [1, 3, 224, 224] }];
  return { name: "vgg19", opset: 13, inputs, outputs: [value], nodes, constants };
}

/** The file in pieces. modelParts hands out empty bytes where a weight's would be; seeded numbers take their place. */
function* file(graph: Graph): Generator<Uint8Array> {
  const weights = [...graph.constants.values()];
  let state = 1;
  let next = 0;
  for (const part of modelParts(graph)) {
    if (part.length) {
      yield part;
      continue;
    }
    for (let left = sizeOf(weights[next++]!.shape); left > 0;) {
      const piece = new Float32Array(Math.min(left, PIECE));
      for (let i = 0; i < piece.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        piece[i] = (state / 2 ** 31 - 1) * 0.05;
      }
      left -= piece.length;
      yield new Uint8Array(piece.buffer);
    }
  }
}

async function measure(): Promise<void> {
  const graph = vgg19();
  const weights = [...graph.constants.values()].reduce((n, { shape }) => n + 4 * sizeOf(shape), 0);
  let [fileBytes, highest] = [0, 0];
  const start = process.memoryUsage().rss;
  const look = () => void (highest = Math.max(highest, process.memoryUsage().rss - start));
  const began = performance.now();

  const headers = [...modelParts(graph)].reduce((n, part) => n + part.length, 0);
  const converter = new SmallModelStream({ what: "vgg19.onnx", totalBytes: headers + weights, storage: "int8" });
  for (const piece of file(graph)) {
    converter.push(piece);
    fileBytes += piece.length;
    look();
    if (fileBytes % (64 * PIECE) < piece.length) await new Promise((resolve) => setImmediate(resolve)); // as between network packets
  }
  const { graph: small, report } = converter.end();
  const hash = sha256.create();
  let keptBytes = 0;
  for (const part of modelParts(small)) {
    hash.update(part);
    keptBytes += part.length;
    look();
  }
  const bound = fileBytes + 200 * MB;
  const row = {
    "file, MB": fileBytes / MB,
    "kept, MB": keptBytes / MB,
    "largest weight, MB": Math.max(...report.map(({ bytesBefore }) => bytesBefore)) / MB,
    "grew by, MB": highest / MB,
    "bound, MB": bound / MB,
    "of the bound": highest / bound,
    seconds: (performance.now() - began) / 1000,
  };
  console.table([Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value.toFixed(2))]))]);
  if (highest > bound) throw new Error(`it grew by ${highest} bytes, more than ${bound}`);
}

if (process.argv[2] === "child") await measure();
else execFileSync(process.execPath, ["--import", "tsx", import.meta.filename, "child"], { stdio: "inherit" });
