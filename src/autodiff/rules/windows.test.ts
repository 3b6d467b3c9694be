import { describe, expect, test } from "vitest";
import { gradOf, product, vjpError } from "../../../test/checkVjp";
import { randomTensor } from "../../../test/smallGraph";
import { GraphBuilder } from "../../onnx/builder";
import type { Attrs } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { appendGradient } from "../gradient";

const square = (n: number) => [n, n];

describe("Conv vjp", () => {
  const cases = product({ size: [7, 8], kernel: [1, 3], stride: [1, 2, 3], dilation: [1, 2], pads: [[0, 0], [0, 1]], group: [1, 2] }); // prettier-ignore
  test.each(cases)(
    "size $size kernel $kernel stride $stride dilation $dilation pads $pads group $group",
    async ({ size, kernel, stride, dilation, pads, group }) => {
      const attrs = {
        kernel_shape: square(kernel),
        strides: square(stride),
        dilations: square(dilation),
        pads: [...square(pads[0]!), ...square(pads[1]!)],
        group,
      };
      const weight = randomTensor([6, 4 / group, kernel, kernel], 7);
      const of = (b: GraphBuilder, x: Parameters<typeof b.conv>[0]) => b.conv(x, b.constant(weight), null, attrs);
      expect(await vjpError({ shape: [2, 4, size, size + 1], of })).toBeLessThan(1e-4);
    },
  );

  test("a one-hot cotangent paints the kernel into dX", async () => {
    const attrs = { kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
    const grad = await gradOf(
      (b, x) => b.conv(x, b.constant(f32([1, 2, 3, 4], [1, 1, 2, 2])), null, attrs),
      f32(0, [1, 1, 3, 3]),
      f32([0, 0, 0, 1], [1, 1, 2, 2]),
    );
    expect(grad).toEqual([0, 0, 0, 0, 1, 2, 0, 3, 4]);
  });

  test("asking for the weight's gradient names the node", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [1, 1, 3, 3]);
    const w = b.input("w", "float32", [1, 1, 1, 1]);
    const y = b.node("Conv", [x, w], { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 }, { name: "features.3" }); // prettier-ignore
    expect(() => appendGradient(b, { of: y, wrt: w, cotangent: b.constant(f32(1, y.shape)) })).toThrow(
      'Conv "features.3": gradient of input 1 asked for, but weights are frozen.',
    );
  });
});

describe("ConvTranspose vjp", () => {
  test.each(product({ stride: [1, 2], pad: [0, 1], extra: [0, 1], group: [1, 2], dilation: [1, 2] }))(
    "stride $stride pad $pad output_padding $extra group $group dilation $dilation",
    async ({ stride, pad, extra, group, dilation }) => {
      const attrs = {
        kernel_shape: [3, 3],
        strides: square(stride),
        dilations: square(dilation),
        pads: [pad, pad, pad, pad],
        group,
        output_padding: square(Math.min(extra, Math.max(stride, dilation) - 1)),
      };
      const weight = randomTensor([4, 6 / group, 3, 3], 5);
      const error = await vjpError({ shape: [1, 4, 5, 6], of: (b, x) => b.convTranspose(x, b.constant(weight), attrs) });
      expect(error).toBeLessThan(1e-4);
    },
  );
});

describe.each(["wasm", "webgpu"] as const)("MaxPool vjp, lowered for %s", (target) => {
  const pool = (attrs: Attrs) => (b: GraphBuilder, x: Parameters<typeof b.relu>[0]) => b.node("MaxPool", [x], attrs);
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
      dilation: [1, 2],
    }),
  )("size $size kernel $kernel stride $stride pad $pad dilation $dilation", async ({ size, kernel, stride, pad, dilation }) => {
    const attrs = {
      kernel_shape: square(kernel),
      strides: square(stride),
      dilations: square(dilation),
      pads: [...square(pad[0]!), ...square(pad[1]!)],
    };
    expect(await vjpError({ shape: [2, 2, size, size + 1], of: pool(attrs), x: "distinct", target })).toBeLessThan(1e-4);
  });

  test("a tie has one winner, the first in row-major order", async () => {
    const attrs = { kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0] };
    const grad = await gradOf(pool(attrs), f32(5, [1, 1, 3, 3]), f32([1, 2, 3, 4], [1, 1, 2, 2]), target);
    expect(grad).toEqual([1, 2, 0, 3, 4, 0, 0, 0, 0]);
  });

  test("overlapping windows add up at their common winner, padding never wins", async () => {
    const attrs = { kernel_shape: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1] };
    const x = f32(
      Array.from({ length: 9 }, (_, i) => (i === 4 ? -1 : -5)),
      [1, 1, 3, 3],
    );
    expect(await gradOf(pool(attrs), x, f32([1, 2, 3, 4], [1, 1, 2, 2]), target)).toEqual([0, 0, 0, 0, 10, 0, 0, 0, 0]);
  });
});

describe("MaxPool vjp, both forms", () => {
  const places = product({ kernel: [2, 3], stride: [1, 2, 3], pad: [0, 1], dilation: [1, 2] });
  test.each(places)(
    "agree to the last bit where half the windows are tied: kernel $kernel stride $stride pad $pad dilation $dilation",
    async ({ kernel, stride, pad, dilation }) => {
      const shape = [2, 3, 7, 8];
      const levels = randomTensor(shape, 6);
      const x = f32((levels.data as Float32Array).map((v) => Math.round(v)), shape); // prettier-ignore
      const attrs = {
        kernel_shape: square(kernel),
        strides: square(stride),
        dilations: square(dilation),
        pads: [pad, pad, pad, pad],
      };
      const of = (b: GraphBuilder, v: Parameters<typeof b.relu>[0]) => b.node("MaxPool", [v], attrs);
      const size = [7, 8].map((n) => Math.floor((n + 2 * pad - (kernel - 1) * dilation - 1) / stride) + 1);
      const whole = randomTensor([2, 3, ...size], 8);
      const dy = f32((whole.data as Float32Array).map((v) => Math.round(10 * v)), whole.shape); // prettier-ignore
      const scattered = await gradOf(of, x, dy, "wasm");
      expect(await gradOf(of, x, dy, "webgpu")).toEqual(scattered);
      expect(scattered.reduce((a, b) => a + b)).toBe((dy.data as Float32Array).reduce((a, b) => a + b));
    },
  );
});

describe("GridSample vjp", () => {
  test.each(product({ mode: ["bilinear", "nearest"], padding_mode: ["zeros", "border", "reflection"], align_corners: [0, 1] }))(
    "$mode $padding_mode align_corners $align_corners, half the grid outside the picture",
    async (attrs) => {
      const grid = randomTensor([2, 3, 5, 2], 4, 1.5);
      const of: Parameters<typeof vjpError>[0]["of"] = (b, x) => b.node("GridSample", [x, b.constant(grid)], attrs);
      expect(await vjpError({ shape: [2, 3, 4, 6], of })).toBeLessThan(1e-4);
    },
  );

  test("a point between four pixels gives a quarter to each", async () => {
    const grid = f32([0, 0], [1, 1, 1, 2]);
    const of = (b: GraphBuilder, x: Parameters<typeof b.relu>[0]) => b.node("GridSample", [x, b.constant(grid)]);
    expect(await gradOf(of, f32(0, [1, 1, 2, 2]), f32([8], [1, 1, 1, 1]))).toEqual([2, 2, 2, 2]);
  });

  test.each([
    ["bicubic", { mode: "bicubic" }, false, 'mode "bicubic" has no gradient rule; bilinear and nearest have.'],
    ["the grid", {}, true, "gradient of its grid asked for, but only the picture that it samples has a rule."],
  ])("%s is refused by name", (_, attrs, byGrid, message) => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [1, 1, 2, 2]);
    const grid = b.input("grid", "float32", [1, 1, 1, 2]);
    const y = b.node("GridSample", [x, grid], attrs, { name: "warp" });
    const cotangent = b.constant(f32(1, y.shape));
    expect(() => appendGradient(b, { of: y, wrt: byGrid ? grid : x, cotangent })).toThrow(`GridSample "warp": ${message}`);
  });
});

describe("AveragePool vjp", () => {
  test.each(
    product({
      size: [6, 7],
      kernel: [2, 3],
      stride: [1, 2],
      pad: [
        [0, 0],
        [0, 1],
        [1, 1],
      ],
      include: [0, 1],
    }),
  )(
    "size $size kernel $kernel stride $stride pad $pad count_include_pad $include",
    async ({ size, kernel, stride, pad, include }) => {
      const attrs = {
        kernel_shape: square(kernel),
        strides: square(stride),
        pads: [...square(pad[0]!), ...square(pad[1]!)],
        count_include_pad: include,
      };
      const error = await vjpError({ shape: [2, 3, size, size + 2], of: (b, x) => b.node("AveragePool", [x], attrs) });
      expect(error).toBeLessThan(1e-4);
    },
  );

  test("each of four pixels gets a quarter", async () => {
    const attrs = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], count_include_pad: 0 };
    const grad = await gradOf((b, x) => b.node("AveragePool", [x], attrs), f32(0, [1, 1, 2, 2]), f32([8], [1, 1, 1, 1]));
    expect(grad).toEqual([2, 2, 2, 2]);
  });
});

describe("Resize vjp", () => {
  test.each(
    product({
      mode: ["nearest", "linear"],
      coordinate_transformation_mode: ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"],
      out: [[3, 4], [5, 7], [10, 8]], // prettier-ignore
      nearest_mode: ["floor", "round_prefer_floor", "ceil"],
    }).filter((c) => c.mode === "nearest" || c.nearest_mode === "floor"),
  )("$mode $coordinate_transformation_mode $nearest_mode to $out", async ({ out, ...attrs }) => {
    const of: Parameters<typeof vjpError>[0]["of"] = (b, x) => b.node("Resize", [x, null, null, b.ints([2, 3, ...out])], attrs);
    expect(await vjpError({ shape: [2, 3, 5, 4], of })).toBeLessThan(1e-4);
  });

  test.each(
    product({
      mode: ["cubic", "linear"],
      coordinate_transformation_mode: ["half_pixel", "asymmetric", "align_corners"],
      out: [[3, 2], [5, 7], [10, 8]], // prettier-ignore
      antialias: [0, 1],
      exclude_outside: [0, 1],
    }).filter((c) => c.mode === "cubic" || (c.antialias === 1 && c.exclude_outside === 0)),
  )(
    "$mode $coordinate_transformation_mode antialias $antialias exclude_outside $exclude_outside to $out",
    async ({ out, ...attrs }) => {
      const of: Parameters<typeof vjpError>[0]["of"] = (b, x) =>
        b.node("Resize", [x, null, null, b.ints([2, 3, ...out])], { ...attrs, cubic_coeff_a: -0.5 });
      expect(await vjpError({ shape: [2, 3, 5, 4], of })).toBeLessThan(1e-4);
    },
  );

  test("doubling a row by lines gives each pixel two cotangents and half of the next ones", async () => {
    const attrs = { mode: "linear", coordinate_transformation_mode: "asymmetric" };
    const of: Parameters<typeof vjpError>[0]["of"] = (b, x) => b.node("Resize", [x, null, null, b.ints([1, 1, 1, 4])], attrs);
    expect(await gradOf(of, f32([0, 0], [1, 1, 1, 2]), f32([1, 10, 100, 1000], [1, 1, 1, 4]))).toEqual([6, 1105]);
  });

  test("an unknown mode is refused by name", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [1, 1, 2, 2]);
    const y = b.node("Resize", [x, null, null, b.ints([1, 1, 4, 4])], { mode: "lanczos" }, { name: "up" });
    expect(() => appendGradient(b, { of: y, wrt: x, cotangent: b.constant(f32(1, y.shape)) })).toThrow(
      'Resize "up": mode "lanczos" is not known.',
    );
  });
});

describe("DepthToSpace and SpaceToDepth vjp", () => {
  test.each(["DCR", "CRD"])("DepthToSpace %s", async (mode) => {
    const error = await vjpError({ shape: [1, 8, 2, 3], of: (b, x) => b.node("DepthToSpace", [x], { blocksize: 2, mode }) });
    expect(error).toBeLessThan(1e-4);
  });
  test("SpaceToDepth", async () => {
    expect(await vjpError({ shape: [1, 2, 4, 6], of: (b, x) => b.node("SpaceToDepth", [x], { blocksize: 2 }) })).toBeLessThan(
      1e-4,
    );
  });
});
