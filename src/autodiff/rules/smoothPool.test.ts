import { describe, expect, test } from "vitest";
import { product } from "../../../test/checkVjp";
import { runModelBytes } from "../../../test/runGraph";
import { randomTensor } from "../../../test/smallGraph";
import { GraphBuilder } from "../../onnx/builder";
import type { Attrs, Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { writeModel } from "../../onnx/write";
import { gradient } from "../gradient";
import { lower, type Target } from "../lower";
import { redirected, rules } from "../rules";
import { smoothed, smoothMaxPool } from "./smoothPool";

interface Pool {
  kernel: number;
  stride: number;
  /** Before and after, along both axes. */
  pad: readonly number[];
}

const attrsOf = ({ kernel, stride, pad: [before, after] }: Pool, dilation = 1): Attrs => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  dilations: [dilation, dilation],
  pads: [before!, before!, after!, after!],
});

/** A pool's output, and its smooth gradient by x along `cotangent`, in ORT. */
async function smoothGradient(attrs: Attrs, x: Tensor, cotangent?: Tensor, target: Target = "wasm"): Promise<Tensor> {
  const b = new GraphBuilder();
  const y = b.node("MaxPool", [b.input("x", "float32", x.shape)], attrs, { name: "pool" });
  const graph = gradient(b.build("forward", [y]), { of: y.name, wrt: "x", rules: smoothed(rules) });
  const dy = cotangent ?? randomTensor(y.shape, 3);
  return (await runModelBytes(writeModel(lower(graph, target)), { x, cotangent: dy })).grad!;
}

/** sum(u avg(x^2) / (0.01 + avg(|x|))) over the windows of every plane [H, W], the padding not counted, in double precision. */
function smoothSum(
  x: readonly number[],
  [planes, height, width]: readonly [number, number, number],
  pool: Pool,
  u: Tensor,
): number {
  const along = (size: number, o: number) =>
    Array.from({ length: pool.kernel }, (_, k) => o * pool.stride - pool.pad[0]! + k).filter((i) => i >= 0 && i < size);
  const [, , rows, columns] = u.shape as [number, number, number, number];
  let sum = 0;
  for (let plane = 0; plane < planes; plane++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const window = along(height, row).flatMap((i) => along(width, column).map((j) => x[(plane * height + i) * width + j]!));
        const mean = (of: (value: number) => number) => window.reduce((total, value) => total + of(value), 0) / window.length;
        const share = Number(u.data[(plane * rows + row) * columns + column]);
        sum += (share * mean((value) => value * value)) / (0.01 + mean(Math.abs));
      }
  return sum;
}

describe("the smooth gradient of MaxPool", () => {
  test.each(
    product({
      size: [6, 7],
      kernel: [2, 3],
      stride: [1, 2, 3],
      pad: [
        [0, 0],
        [0, 1],
        [1, 1],
      ],
    }),
  )(
    // prettier-ignore
    "is that of avg(x^2) / (0.01 + avg|x|): size $size kernel $kernel stride $stride pad $pad",
    async ({ size, ...pool }) => {
      const shape = [2, 2, size, size + 1];
      const out = [size, size + 1].map((n) => Math.floor((n + pool.pad[0]! + pool.pad[1]! - pool.kernel) / pool.stride) + 1);
      const [x, v, u] = [randomTensor(shape, 1), randomTensor(shape, 2), randomTensor([2, 2, ...out], 3)];
      const moved = (eps: number) => Array.from(x.data as Float32Array, (value, i) => value + eps * Number(v.data[i]));
      const at = (eps: number) => smoothSum(moved(eps), [4, size, size + 1], pool, u);
      const expected = (at(1e-6) - at(-1e-6)) / 2e-6;
      const grad = (await smoothGradient(attrsOf(pool), x, u)).data as Float32Array;
      const actual = grad.reduce((sum, value, i) => sum + value * Number(v.data[i]), 0);
      expect(Math.abs(actual - expected) / Math.hypot(...grad)).toBeLessThan(1e-4);
    },
  );

  test("two pixels: the larger is raised, the smaller lowered", async () => {
    const attrs = { kernel_shape: [1, 2], strides: [1, 2], dilations: [1, 1], pads: [0, 0, 0, 0] };
    const { data } = await smoothGradient(attrs, f32([1, 3], [1, 1, 1, 2]), f32([1], [1, 1, 1, 1]));
    // avg x^2 = 5, 0.01 + avg|x| = 2.01:  x / 2.01 - 5 / 2.01^2 / 2
    expect(data[0]).toBeCloseTo(1 / 2.01 - 2.5 / 2.01 ** 2, 6);
    expect(data[1]).toBeCloseTo(3 / 2.01 - 2.5 / 2.01 ** 2, 6);
  });

  test("a window of zeros passes nothing, and no NaN", async () => {
    const grad = await smoothGradient(attrsOf({ kernel: 2, stride: 2, pad: [0, 0] }), f32(0, [1, 1, 4, 4]));
    expect([...(grad.data as Float32Array)].every((value) => Math.abs(value) === 0)).toBe(true);
  });

  test("needs no composite operator, so both backends run the same nodes", async () => {
    const [x, attrs] = [randomTensor([1, 2, 7, 7], 5), attrsOf({ kernel: 3, stride: 2, pad: [0, 1] })];
    expect(await smoothGradient(attrs, x, undefined, "webgpu")).toEqual(await smoothGradient(attrs, x));
  });

  test("a dilated pool is refused by name", async () => {
    await expect(smoothGradient(attrsOf({ kernel: 2, stride: 1, pad: [0, 0] }, 2), f32(0, [1, 1, 5, 5]))).rejects.toThrow(
      'MaxPool "pool": dilations [2, 2] have no smooth gradient; choose "exact" for max pooling.',
    );
  });
});

test("every other rule stays as it was in the table that is smoothed", () => {
  expect(smoothed(redirected)).toEqual({ ...redirected, MaxPool: smoothMaxPool });
});
