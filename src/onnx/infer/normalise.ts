/** Types of normalisations, quantisation and transforms of signals. */
import { DTYPES_BY_CODE } from "../dtype";
import { numbers } from "../tensor";
import { CONTRADICTION, show, type InferRule, type InferTable, type NodeView } from "./nodeView";

/** Throws OpError unless inputs `from` to `to` are vectors with one element for each channel. */
function perChannel(v: NodeView, channels: number, from: number, to: number): void {
  for (let i = from; i <= to; i++) {
    const shape = v.inputs[i]?.shape;
    if (shape && (shape.length !== 1 || shape[0] !== channels))
      v.fail(`${channels} channels, but its input ${i} is ${show(shape)}. ${CONTRADICTION}`);
  }
}

const batchNorm: InferRule = (v) => {
  const type = v.rankAtLeast(0, 2);
  perChannel(v, type.shape[1]!, 1, 4);
  if (v.int("training_mode", 0))
    v.fail("is in training mode, whose statistics depend on the batch. Export the model for inference.");
  return [type];
};

const layerNorm: InferRule = (v) => {
  const type = v.input(0);
  const axis = v.axis(v.int("axis", -1), type.shape.length);
  const rest = type.shape.map((size, i) => (i < axis ? size : 1));
  if (v.broadcast(type.shape, v.input(1).shape).join() !== type.shape.join())
    v.fail(`the scale ${show(v.input(1).shape)} does not broadcast to ${show(type.shape)}. ${CONTRADICTION}`);
  return [type, { dtype: "float32", shape: rest }, { dtype: "float32", shape: rest }];
};

const dft: InferRule = (v) => {
  const { dtype, shape } = v.rankAtLeast(0, 2);
  const last = shape.at(-1)!;
  if (last !== 1 && last !== 2) v.fail(`its last axis has ${last} elements; 1 (real) or 2 (complex) are meant. ${CONTRADICTION}`);
  const axis = v.axis(v.int("axis", 1), shape.length);
  const length = v.optionalInts(1, "length")?.[0] ?? shape[axis]!;
  const kept = v.int("onesided", 0) ? Math.floor(length / 2) + 1 : length;
  return [{ dtype, shape: shape.map((size, i) => (i === axis ? kept : i === shape.length - 1 ? 2 : size)) }];
};

const same: InferRule = (v) => [v.input(0)];

export const normalisations: InferTable = {
  BatchNormalization: batchNorm,
  InstanceNormalization: (v) => {
    const type = v.rankAtLeast(0, 3);
    perChannel(v, type.shape[1]!, 1, 2);
    return [type];
  },
  GroupNormalization: (v) => [v.rankAtLeast(0, 3)],
  LayerNormalization: layerNorm,
  LRN: (v) => [v.rankAtLeast(0, 3)],
  MeanVarianceNormalization: same,
  Dropout: (v) => [v.input(0), { dtype: "bool", shape: v.input(0).shape }],
  QuantizeLinear: (v) => {
    const dtype = v.inputs[2]?.dtype ?? DTYPES_BY_CODE[v.int("output_dtype", 0)] ?? "uint8";
    return [{ dtype, shape: v.input(0).shape }];
  },
  DequantizeLinear: (v) => [{ dtype: v.input(1).dtype, shape: v.input(0).shape }],
  DynamicQuantizeLinear: (v) => [
    { dtype: "uint8", shape: v.input(0).shape },
    { dtype: "float32", shape: [] },
    { dtype: "uint8", shape: [] },
  ],
  DFT: dft,
  HannWindow: windowOf,
  HammingWindow: windowOf,
  BlackmanWindow: windowOf,
};

function windowOf(v: NodeView) {
  const size = v.constant(0);
  if (!size) return v.fail("its length is computed while it runs, but shapes must be known beforehand.");
  return [{ dtype: DTYPES_BY_CODE[v.int("output_datatype", 1)] ?? ("float32" as const), shape: [numbers(size)[0]!] }];
}
