import { describe, expect, test } from "vitest";
import { gradOf, product, vjpError, type VjpCase } from "../../../test/checkVjp";
import { randomTensor } from "../../../test/smallGraph";
import { f32 } from "../../onnx/tensor";

const linear = async (shape: readonly number[], of: VjpCase["of"]) => expect(await vjpError({ shape, of })).toBeLessThan(1e-4);

describe("Concat vjp", () => {
  test.each([0, 1, 2, -1])("axis %s, x in the middle and again at the end", (axis) =>
    linear([2, 3, 4], (b, x) => b.concat([b.constant(randomTensor([2, 3, 4], 3)), x, b.neg(x)], axis)),
  );
});

describe("Slice vjp", () => {
  const large = 2 ** 31;
  test.each([
    { starts: [1], ends: [3], axes: [1], steps: [1] },
    { starts: [0, 1], ends: [2, large], axes: [0, 2], steps: [1, 2] },
    { starts: [-3], ends: [-1], axes: [-1], steps: [1] },
    { starts: [-1], ends: [-large], axes: [2], steps: [-1] },
    { starts: [4], ends: [0], axes: [2], steps: [-2] },
    { starts: [1], ends: [6], axes: [2], steps: [3] },
  ])("starts $starts ends $ends axes $axes steps $steps", ({ starts, ends, axes, steps }) =>
    linear([3, 4, 7], (b, x) => b.slice(x, starts, ends, axes, steps)),
  );
  test("a step of two leaves zeros between", async () => {
    expect(await gradOf((b, x) => b.slice(x, [0], [5], [0], [2]), f32([0, 0, 0, 0, 0]), f32([1, 2, 3]))).toEqual([1, 0, 2, 0, 3]);
  });
});

describe("Pad vjp", () => {
  test.each(
    product({
      mode: ["constant", "reflect", "edge"],
      pads: [
        [0, 0, 1, 2, 0, 0, 2, 1],
        [0, 0, 0, 3, 0, 0, 0, 0],
      ],
    }),
  )("$mode $pads", ({ mode, pads }) => linear([1, 2, 4, 5], (b, x) => b.node("Pad", [x, b.ints(pads), b.scalar(0.5)], { mode })));
  test("negative pads crop", () => linear([1, 1, 5, 5], (b, x) => b.pad(x, [0, 0, -1, 1, 0, 0, 0, -2])));
});

describe("shape ops' vjp", () => {
  test("Tile", () => linear([2, 3], (b, x) => b.node("Tile", [x, b.ints([3, 2])])));
  test.each([[[2, 1, 0]], [[1, 2, 0]], [[0, 2, 1]]])("Transpose %s", (perm) => linear([2, 3, 4], (b, x) => b.transpose(x, perm)));
  test("Reshape", () => linear([2, 6], (b, x) => b.reshape(x, [3, 4])));
  test.each([[[1, 3]], [[3]], [[2, 1, 3]]])("Expand from %s", (shape) => linear(shape, (b, x) => b.expand(x, [2, 5, 3])));
  test("Cast to float64 and back", () => linear([4], (b, x) => b.cast(b.cast(x, "float64"), "float32")));
});
