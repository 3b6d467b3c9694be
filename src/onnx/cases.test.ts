/**
 * ONNX's own operator test cases through canonicalisation and ONNX Runtime, each twice: with its data given while the graph runs, and
 * with everything a constant, as far as folding goes.
 *
 * What decides shapes (axes, sizes, indices) is always a constant here, as it is in the files of networks.
 */
import { describe, expect, test } from "vitest";
import { packedCases, unpacked, type OnnxCase } from "../../test/onnxCases";
import { runGraph } from "../../test/runGraph";
import { canonicalise } from "./canonicalise";
import { asFloat32 } from "./fold/quantised";
import { sizeOf, type Graph, type StaticGraph, type Tensor } from "./graph";
import { numbers } from "./tensor";

const { cases } = packedCases();

/** Rounding to a level is left out on purpose (canonical/quantisation.ts): results lie within half a level of the specified one. */
const ROUNDED = /^test_(quantizelinear|qlinear|dynamicquantizelinear)/;

/** Cases that do not hold, with the reason. */
const EXCEPTIONS: readonly (readonly [RegExp, string])[] = [
  [/^test_training_dropout|^test_batchnorm_.*training_mode/, "training mode is refused: a network is looked at, not trained"],
  [/^test_attention.*(past|nonpad|padded_kv|cache)/, "caches of earlier tokens are refused: networks of pictures have none"],
  [/^test_attention.*qk_matmul/, "the scores of an Attention cannot be looked at by themselves: they have no value of their own"],
  [/^test_attention.*window/, "attention within a window is refused"],
  [
    /^test_attention.*(fullymasked|causal_boolmask_nan)/,
    "a query that may look at nothing: its answer is a mean here, and 0 by the newest specification",
  ],
  [/^test_(cast|castlike)_.*TO_U?INT4/i, "four-bit integers are read as eight-bit ones, so a Cast does not wrap to four bits"],
  [
    /^test_(cast|castlike|celu|reciprocal|attention|layer_normalization|rms_normalization|range|top_k|unique|reversesequence|compress).*bf(loat)?16/i,
    "bfloat16 is computed in float32, which gives more digits than the case demands",
  ],
  [/^test_resize_tf_crop_and_resize/, "cropping while resizing is refused"],
  [/^test_resize_.*_not_(larger|smaller)/, "sizes that follow a policy are refused"],
  [
    /^test_resize_downsample_scales_(linear|cubic)_align_corners/,
    "ONNX Runtime aligns the corners of the rounded size, the specification those of the exact one",
  ],
  [/^test_maxpool_with_argmax/, "indices of a MaxPool are refused: WebGPU has none"],
  [/^test_mod_float_edge_cases/, "remainders of infinities are not those of the newest specification"],
  [/^test_quantizelinear_blocked/, "activations quantised by blocks are refused"],
  [
    /^test_(max|min)_u?int16|^test_top_k_uint64|^test_clip_default_int8|^test_reduce_(max|min)_bool/,
    "ONNX Runtime has no kernel for this type",
  ],
];

/** Cases whose data must be constants too: shapes depend on them. */
const ONLY_CONSTANTS = /^test_(range|nonzero|dequantizelinear_blocked)/;

/** Operators whose inputs after the first are parameters although they are floats: scales, statistics, bounds that decide shapes. */
const PARAMETERS = /^test_(batchnorm|resize|upsample|qlinear|compress)/;

const isEmpty = ({ shape }: Tensor) => sizeOf(shape) === 0;
const isFloat = ({ dtype }: Tensor) => dtype.startsWith("float");

/** The case's graph with the inputs that `fixed` picks as constants. */
function withConstants({ graph, inputs }: OnnxCase, fixed: (name: string, tensor: Tensor, index: number) => boolean): Graph {
  const entries = graph.inputs.map((input, i) => [input, inputs.get(input.name)!, i] as const);
  const constants = entries.filter(([input, tensor, i]) => fixed(input.name, tensor, i));
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !constants.some(([input]) => input.name === name)),
    constants: new Map([...graph.constants, ...constants.map(([input, tensor]) => [input.name, tensor] as const)]),
  };
}

/** The same graph in the form in which everything downstream takes it. */
const canonical = (one: OnnxCase, graph: Graph): StaticGraph =>
  canonicalise(graph, {
    shapes: Object.fromEntries(graph.inputs.map(({ name }) => [name, one.inputs.get(name)!.shape])),
  });

async function holds(one: OnnxCase, graph: StaticGraph): Promise<void> {
  const feeds = Object.fromEntries(graph.inputs.map(({ name }) => [name, asFloat32(one.inputs.get(name)!)]));
  const results = await runGraph(graph, feeds);
  for (const [name, expected] of one.outputs) {
    const actual = results[name]!;
    expect(actual.shape, name).toEqual(expected.shape);
    const a = numbers(actual);
    const wanted = numbers(expected);
    const step = ROUNDED.test(one.name) ? 0.5 + 1e-5 : 0;
    // half precision keeps 11 bits; here it is computed in single precision
    const rtol = expected.dtype === "float16" ? Math.max(one.rtol, 2 ** -10) : one.rtol;
    const wrong = wanted.findIndex(
      (e, i) => !(Object.is(a[i], e) || a[i] === e || Math.abs(a[i]! - e) <= one.atol + step + rtol * Math.abs(e)),
    );
    if (wrong >= 0) expect.fail(`${name}[${wrong}] is ${a[wrong]}, but must be ${wanted[wrong]}`);
  }
}

describe.each(cases.map((one) => [one.name, one] as const))("%s", (name, packed) => {
  const exception = EXCEPTIONS.find(([pattern]) => pattern.test(name));
  test.skipIf(exception ?? ONLY_CONSTANTS.test(name))(exception ? exception[1] : "while it runs", async () => {
    const one = unpacked(packed);
    const given = withConstants(one, (_, tensor, i) => isEmpty(tensor) || (i > 0 && (!isFloat(tensor) || PARAMETERS.test(name))));
    let graph: StaticGraph;
    try {
      graph = canonical(one, given);
    } catch (error) {
      // a parameter that is a float or comes first: scales, bounds, a condition
      if (!/must be known beforehand|must be constants|computed while/.test((error as Error).message)) throw error;
      graph = canonical(
        one,
        withConstants(one, (_, tensor, i) => i > 0 || !isFloat(tensor)),
      );
    }
    await holds(one, graph);
  });
  test.skipIf(exception)("of constants", async () => {
    const one = unpacked(packed);
    await holds(
      one,
      canonical(
        one,
        withConstants(one, () => true),
      ),
    );
  });
});
