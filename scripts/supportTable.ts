/**
 * The README's table of supported ONNX operators, out of the rule table and the canonical table themselves.
 *
 *   npx tsx scripts/supportTable.ts          prints it
 *   npx tsx scripts/supportTable.ts --write  puts it into README.md; supportTable.test.ts fails while README.md has another one
 *
 * An operator with no rule of its own is put into a graph of one node, and the gradient of that graph is asked for:
 * what the table says of it is what happened.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gradient } from "../src/autodiff/gradient";
import { rules } from "../src/autodiff/rules";
import { caffeRules } from "../src/importers/caffe/rules";
import { kerasRules } from "../src/importers/tfjs/keras/layers";
import { tfRules } from "../src/importers/tfjs/rules";
import { tfliteRules } from "../src/importers/tflite/rules";
import { canonicalise, canonicalTable, microsoftTable } from "../src/onnx/canonicalise";
import { sizeOf, type Attrs, type Tensor } from "../src/onnx/graph";
import { sequences } from "../src/onnx/canonical/sequences";
import { CONSTANT_OPS } from "../src/onnx/ops";
import { f32, i64 } from "../src/onnx/tensor";

export const README = resolve(import.meta.dirname, "../README.md");
const START = "<!-- operators: written by scripts/supportTable.ts -->";
const END = "<!-- /operators -->";

/** Inputs besides X [1, 8, 6, 6] that an operator needs to be a valid node. */
interface Sample {
  attrs?: Attrs;
  constants?: Record<string, Tensor>;
  /** X's shape, where the operator wants another one. */
  shape?: readonly number[];
  opset?: number;
  outputs?: number;
}

/** int8 weights, or with no sizes one number. */
const i8 = (...shape: number[]): Tensor => ({ dtype: "int8", shape, data: new Int8Array(sizeOf(shape)).fill(shape.length && 1) });
const perChannel = (...names: string[]) => Object.fromEntries(names.map((name) => [name, f32(1, [8])]));
const samples: Readonly<Record<string, Sample>> = {
  Sum: { constants: { B: f32(1, [8, 1, 1]), C: f32(1, [6]) } },
  Mean: { constants: { B: f32(1, [8, 1, 1]), C: f32(1, [6]) } },
  Mod: { attrs: { fmod: 1 }, constants: { divisor: f32(2, []) } },
  CastLike: { constants: { like: f32(0, []) } },
  BatchNormalization: { constants: perChannel("scale", "bias", "mean", "variance") },
  GroupNormalization: { attrs: { num_groups: 2 }, constants: { scale: f32(1, [2]), bias: f32(0, [2]) } },
  LRN: { attrs: { size: 5 } },
  Gemm: { shape: [2, 8], constants: { B: f32(1, [8, 3]), C: f32(1, [3]) } },
  Einsum: { attrs: { equation: "nchw,cd->ndhw" }, constants: { W: f32(1, [8, 3]) } },
  CumSum: { constants: { axis: i64(1) } },
  Squeeze: { constants: { axes: i64([0], [1]) } },
  Unsqueeze: { constants: { axes: i64([0], [1]) } },
  Split: { attrs: { axis: 1, num_outputs: 2 }, outputs: 2 },
  Upsample: { opset: 9, constants: { scales: f32(Float32Array.of(1, 1, 2, 2), [4]) } },
  GridSample: { constants: { grid: f32(0, [1, 4, 4, 2]) } },
  GatherElements: { constants: { indices: i64([0], [1, 1, 1, 1]) } },
  GatherND: { constants: { indices: i64([0], [1, 1]) } },
  Scatter: { opset: 10, constants: { indices: i64([0], [1, 1, 1, 1]), updates: f32(0, [1, 1, 1, 1]) } },
  ScatterElements: { constants: { indices: i64([0], [1, 1, 1, 1]), updates: f32(0, [1, 1, 1, 1]) } },
  ScatterND: { constants: { indices: i64([0], [1, 1]), updates: f32(0, [1, 8, 6, 6]) } },
  TopK: { constants: { k: i64([2], [1]) }, outputs: 2 },
  QuantizeLinear: { constants: { scale: f32(1, []) } },
  DequantizeLinear: { constants: { scale: f32(2, []) } },
  QLinearConv: {
    constants: { xs: f32(1, []), xz: i8(), w: i8(8, 8, 3, 3), ws: f32(1, []), wz: i8(), ys: f32(1, []), yz: i8() },
  },
  QLinearMatMul: {
    shape: [2, 8],
    constants: { xs: f32(1, []), xz: i8(), w: i8(8, 3), ws: f32(1, []), wz: i8(), ys: f32(1, []), yz: i8() },
  },
  ConvInteger: { constants: { w: i8(8, 8, 3, 3) } },
  MatMulInteger: { shape: [2, 8], constants: { w: i8(8, 3) } },
  DynamicQuantizeLinear: { outputs: 3 },
  Compress: { attrs: { axis: 1 }, constants: { condition: { dtype: "bool", shape: [8], data: new Uint8Array(8).fill(1) } } },
  CenterCropPad: { constants: { shape: i64([1, 8, 4, 9]) } },
  RMSNormalization: { constants: { scale: f32(1, [6]) } },
  SimplifiedLayerNormalization: { constants: { scale: f32(1, [6]) } },
  LpPool: { attrs: { kernel_shape: [2, 2] } },
  Attention: {
    shape: [1, 6, 8],
    attrs: { q_num_heads: 2, kv_num_heads: 2 },
    constants: { K: f32(1, [1, 4, 8]), V: f32(1, [1, 4, 8]) },
  },
};

/** These make constants: nothing of them is left when a gradient is taken. */
const FOLDED = ["Constant", "ConstantOfShape", "EyeLike", "NonZero", "Range", "Shape", "Size"];

/** The canonical operators that a node of `op` turns into, "ends" when all of them are piecewise constant, or null when no gradient can be taken through it. */
function becomes(op: string): string[] | "ends" | null {
  const { attrs = {}, constants = {}, shape = [1, 8, 6, 6], opset = 18, outputs = 1 } = samples[op] ?? {};
  const names = Array.from({ length: outputs }, (_, i) => `Y${i}`);
  const node = { op, name: op, domain: "", inputs: ["X", ...Object.keys(constants)], outputs: names, attrs };
  const graph = canonicalise({
    name: op,
    opset,
    inputs: [{ name: "X", dtype: "float32", shape }],
    outputs: ["Z"],
    nodes: [node, { op: "Neg", name: "after", domain: "", inputs: ["Y0"], outputs: ["Z"], attrs: {} }], // an op may vanish entirely
    constants: new Map(Object.entries(constants)),
  });
  const made = [...new Set(graph.nodes.filter(({ outputs }) => outputs[0] !== "Z").map((n) => n.op))];
  if (made.some((name) => !Object.hasOwn(rules, name))) return null;
  if (made.length && made.every((name) => rules[name] === "stops")) return "ends";
  gradient(graph, { of: "Z", wrt: "X" });
  return made;
}

/** The table as Markdown. Throws when an operator without a rule cannot even be read. */
export function supportTable(): string {
  const constant = new Set<string>(CONSTANT_OPS);
  const own = Object.keys(rules).filter((op) => !constant.has(op));
  const rest = Object.keys(canonicalTable).filter(
    (op) => !Object.hasOwn(rules, op) && !FOLDED.includes(op) && !Object.hasOwn(sequences, op),
  );
  const outcomes = rest.map((op) => ({ op, made: becomes(op) }));
  const ending = outcomes.filter(({ made }) => made === "ends").map(({ op }) => op);
  const ends = [...[...constant].filter((op) => !FOLDED.includes(op)), ...ending];
  const rewritten = outcomes.flatMap(({ op, made }) =>
    !Array.isArray(made) ? [] : `${code(op)} (${made.join(", ") || "nothing"})`,
  );
  const none = outcomes.filter(({ made }) => made === null).map(({ op }) => op);
  const list = (ops: readonly string[]) => [...ops].sort().map(code).join(" ");
  return [
    "| | operators |",
    "| --- | --- |",
    `| gradient by a rule of its own (${own.length}) | ${list(own)} |`,
    `| rewritten into those first (${rewritten.length}) | ${rewritten.sort().join(", ")} |`,
    `| a gradient ends there, as the derivative is zero wherever it exists (${ends.length}) | ${list(ends)} |`,
    `| only out of constants, folded away (${FOLDED.length}) | ${list(FOLDED)} |`,
    `| sequences of tensors, resolved while the graph is read (${Object.keys(sequences).length}) | ${list(Object.keys(sequences))} |`,
    ...(none.length ? [`| read, but no gradient goes through it yet (${none.length}) | ${list(none)} |`] : []),
    `| of ONNX Runtime's own (com.microsoft), rewritten too (${Object.keys(microsoftTable).length}) | ${list(Object.keys(microsoftTable))} |`,
    ...Object.entries(formats).map(([format, ops]) => `| ${format} (${ops.length}) | ${list(ops)} |`),
  ].join("\n");
}

/** What becomes ONNX operators when a file of another format is read. */
const formats: Readonly<Record<string, readonly string[]>> = {
  "TensorFlow's in TF.js graph models": Object.keys(tfRules),
  "Keras layers in TF.js layers models": ["InputLayer", ...Object.keys(kerasRules)],
  "TensorFlow Lite's": Object.keys(tfliteRules),
  "Caffe layers, besides those of data, losses and measures": Object.keys(caffeRules),
};

const code = (op: string) => `\`${op}\``;

/** README.md's text with the table of today in its place. Throws when the marks are missing. */
export function withSupportTable(readme: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md has no "${START}" ... "${END}" to put the table between.`);
  return `${readme.slice(0, start + START.length)}\n\n${supportTable()}\n\n${readme.slice(end)}`;
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes("--write")) writeFileSync(README, withSupportTable(readFileSync(README, "utf8")));
  else console.log(supportTable());
}
