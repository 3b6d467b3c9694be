/** Models in half precision, bfloat16 and double: everything downstream is float32. Four-bit weights are whole numbers. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { runGraph } from "../../../test/runGraph";
import { randomTensor, relativeDifference, smallGraph, type GraphSpec } from "../../../test/smallGraph";
import { canonicalise } from "../canonicalise";
import type { DType, Tensor } from "../graph";
import { ModelProtoSchema, type TensorProtoSchema } from "../proto/onnx_pb";
import { readModel } from "../read";
import { allocate, f32, floatToHalf, i64, numbers } from "../tensor";
import { writeModel } from "../write";

function as(dtype: DType, { shape, data }: Tensor): Tensor {
  const to = allocate(dtype, data.length);
  data.forEach((x, i) => (to[i] = dtype === "float16" ? floatToHalf(Number(x)) : Number(x)));
  return { dtype, shape, data: to };
}

/** A network that holds a float type in every place where one can be. */
const network = (dtype: DType, code: number): GraphSpec => {
  const t = (tensor: Tensor) => as(dtype, tensor);
  return {
    inputs: { x: [1, 3, 8, 8] },
    dtypes: { x: dtype },
    constants: {
      w: t(randomTensor([4, 3, 3, 3], 1)),
      b: t(randomTensor([4], 2)),
      g: t(f32([1, 2, 0.5, 1])),
      m: t(f32([0, 0.5, 0, 1])),
      low: t(f32(-1, [])),
      high: t(f32(6, [])),
      d: t(randomTensor([4, 5], 3)),
      y32: f32(2, []),
      axes: i64([2, 3]),
      sizes: i64([1, 5]),
    },
    nodes: [
      { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attrs: { pads: [1, 1, 1, 1] } },
      { op: "BatchNormalization", inputs: ["c", "g", "b", "m", "g"], outputs: ["n"] },
      { op: "Clip", inputs: ["n", "low", "high"], outputs: ["k"] },
      { op: "Constant", inputs: [], outputs: ["half"], attrs: { value: t(f32(0.5, [])) } },
      { op: "Mul", inputs: ["k", "half"], outputs: ["h"] },
      { op: "Cast", inputs: ["h"], outputs: ["wide"], attrs: { to: 1 } },
      { op: "Pow", inputs: ["wide", "y32"], outputs: ["p"] },
      { op: "CastLike", inputs: ["p", "half"], outputs: ["narrow"] },
      { op: "ReduceMean", inputs: ["narrow", "axes"], outputs: ["mean"], attrs: { keepdims: 0 } },
      { op: "MatMul", inputs: ["mean", "d"], outputs: ["z"] },
      { op: "ConstantOfShape", inputs: ["sizes"], outputs: ["ones"], attrs: { value: t(f32(1, [1])) } },
      { op: "Add", inputs: ["z", "ones"], outputs: ["sum"] },
      { op: "Cast", inputs: ["sum"], outputs: ["y"], attrs: { to: code } },
    ],
    outputs: ["y"],
  };
};

describe("a network of", () => {
  const x = randomTensor([1, 3, 8, 8], 4);
  test.each([
    ["float16", 10, 2e-3],
    ["float64", 11, 1e-6],
  ] as const)("%s is one of float32", async (dtype, code, tolerance) => {
    const graph = canonicalise(readModel(writeModel(smallGraph(network(dtype, code)))));
    const types = new Set([...graph.types.values()].map((type) => type.dtype));
    expect([...types].filter((type) => type.startsWith("float"))).toEqual(["float32"]);
    expect(graph.nodes.map(({ op }) => op)).not.toContain("Cast");
    const reference = canonicalise(smallGraph(network("float32", 1)));
    const [found, wanted] = [await runGraph(graph, { x }), await runGraph(reference, { x })];
    expect(relativeDifference(found.y!, wanted.y!)).toBeLessThan(tolerance);
  });
});

/** y = f(x, w), where w is what `weight` says. */
function file(
  weight: MessageInitShape<typeof TensorProtoSchema>,
  elemType: number,
  opType = "Mul",
  more: string[] = [],
): Uint8Array {
  const float = {
    value: {
      case: "tensorType" as const,
      value: { elemType, shape: { dim: [{ value: { case: "dimValue" as const, value: 4n } }] } },
    },
  };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [{ version: 21n }],
      graph: {
        node: [
          { opType, name: "n", input: [...(opType === "Mul" ? ["x"] : []), "w", ...more], output: ["v"] },
          { opType: "Cast", input: ["v"], output: ["y"], attribute: [{ name: "to", type: 2, i: BigInt(elemType) }] },
        ],
        input: opType === "Mul" ? [{ name: "x", type: float }] : [],
        output: [{ name: "y" }],
        initializer: [
          { name: "w", dims: [4n], ...weight },
          { name: "scale", dataType: 1, floatData: [0.5] },
          { name: "zero", dataType: weight.dataType!, int32Data: [1] },
        ],
      },
    }),
  );
}

describe("types that no typed array has", () => {
  const bits = [1, -2.5, 0.15625, 3].map((x) => new Uint32Array(Float32Array.of(x).buffer)[0]! >>> 16);
  test.each([
    ["raw", { rawData: new Uint8Array(Uint16Array.from(bits).buffer) }],
    ["numbers", { int32Data: bits }],
  ])("bfloat16, as %s", async (_, data) => {
    const graph = readModel(file({ dataType: 16, ...data }, 16));
    expect(graph.inputs[0]!.dtype).toBe("float32");
    expect(numbers(graph.constants.get("w")!)).toEqual([1, -2.5, 0.15625, 3]);
    const { y } = await runGraph(canonicalise(graph), { x: f32([2, 2, 2, 2]) });
    expect(numbers(y!)).toEqual([2, -5, 0.3125, 6]);
  });
  test.each([
    [22, [-0.5 * 2, 3, -4.5, 2.5]],
    [21, [7, 3, 3.5, 2.5]],
  ])("four bits, code %i", async (code, expected) => {
    const levels = expected.map((x) => (x / 0.5 + 1) & 15);
    const rawData = Uint8Array.of(levels[0]! | (levels[1]! << 4), levels[2]! | (levels[3]! << 4));
    const graph = readModel(file({ dataType: code, rawData }, 1, "DequantizeLinear", ["scale", "zero"]));
    const { y } = await runGraph(canonicalise(graph), {});
    expect(numbers(y!)).toEqual(expected);
  });
  test("too few of them", () => {
    expect(() => readModel(file({ dataType: 16, rawData: new Uint8Array(7) }, 16), "m.onnx")).toThrow(
      'm.onnx: weight "w" has shape [4], which takes 8 bytes, but 7 are there. The file is damaged; download or export it again.',
    );
  });
});
