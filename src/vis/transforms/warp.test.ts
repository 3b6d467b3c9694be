import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../../test/runGraph";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { appendGradient } from "../../autodiff/gradient";
import { rules } from "../../autodiff/rules";
import { lower, type Target } from "../../autodiff/lower";
import { GraphBuilder } from "../../onnx/builder";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { writeModel } from "../../onnx/write";
import { seeded, type Random } from "../random";
import type { Transform } from "../recipe";
import { distill2017, lucid } from "../recipes";
import { drawAffines, isAffine, transformedSize, warpReach, type Affine } from "./affine";
import { emitWarp, warpInputs, warpLowerings, warpRules } from "./warp";

const drawAffine = (transforms: readonly Transform[], random: Random, zoom = 1): Affine =>
  drawAffines(transforms.filter(isAffine), { random, at: { step: 1, steps: 1 }, size: 128, zoom })[0]!;

interface Case {
  source: number;
  target: readonly [height: number, width: number];
  reach: number;
  border: number;
  /** One for each picture of the batch, over again. */
  maps: readonly Affine[];
  batch?: number;
  backend?: Target;
}

/** Y = warp(X), and dX = adjoint(dY). */
async function warpAndAdjoint({ source, target, reach, border, maps, batch = 1, backend = "wasm" }: Case, X: Tensor, dY: Tensor) {
  const b = new GraphBuilder();
  const picture = b.input("X", "float32", [batch, 3, source, source]);
  const warp = b.input("warp", "float32", [batch, 3, 2]);
  const unwarp = b.input("unwarp", "float32", [batch, 3, 2]);
  const cotangent = b.input("dY", "float32", [batch, 3, ...target]);
  const Y = emitWarp(b, picture, warp, unwarp, { size: target, reach, border });
  const dX = appendGradient(b, { of: Y, wrt: picture, cotangent, rules: { ...rules, ...warpRules } });
  const graph = lower(b.build("warp", [Y, dX]), backend, warpLowerings);
  const made = Array.from({ length: batch }, (_, i) => warpInputs(maps[i % maps.length]!));
  const stacked = (which: "warp" | "unwarp") => f32(Float32Array.from(made.flatMap((m) => [...m[which]])), [batch, 3, 2]);
  const out = await runModelBytes(writeModel(graph), {
    X,
    dY,
    warp: stacked("warp"),
    unwarp: stacked("unwarp"),
  });
  return { Y: out[graph.outputs[0]!]!, dX: out[graph.outputs[1]!]! };
}

/** The definition, pixel by pixel in float64. */
function reference({ source, target, border, maps, batch = 1 }: Case, X: Tensor): Tensor {
  const [height, width] = target;
  const out = new Float32Array(batch * 3 * height * width);
  const data = X.data as Float32Array;
  for (let plane = 0; plane < batch * 3; plane++) {
    const [a, b, tx, c, d, ty] = maps[Math.floor(plane / 3) % maps.length]!;
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const [x, y] = [j - (width - 1) / 2, i - (height - 1) / 2];
        const sx = a * x + b * y + tx + (source - 1) / 2;
        const sy = c * x + d * y + ty + (source - 1) / 2;
        let sum = border;
        for (const py of [Math.floor(sy), Math.floor(sy) + 1])
          for (const px of [Math.floor(sx), Math.floor(sx) + 1]) {
            if (px < 0 || py < 0 || px >= source || py >= source) continue;
            const weight = (1 - Math.abs(sx - px)) * (1 - Math.abs(sy - py));
            sum += weight * (data[(plane * source + py) * source + px]! - border);
          }
        out[(plane * height + i) * width + j] = sum;
      }
  }
  return f32(out, [batch, 3, height, width]);
}

const dot = (a: Tensor, b: Tensor) => Array.from(a.data as Float32Array).reduce((sum, v, i) => sum + v * Number(b.data[i]), 0);
const norm = (a: Tensor) => Math.sqrt(dot(a, a));

async function check(c: Case, seed: number): Promise<void> {
  const X = randomTensor([c.batch ?? 1, 3, c.source, c.source], seed);
  const dY = randomTensor([c.batch ?? 1, 3, ...c.target], seed + 1);
  const { Y, dX } = await warpAndAdjoint(c, X, dY);
  expect(relativeDifference(Y, reference(c, X)), "forward").toBeLessThan(2e-5);
  // the warp is affine: W X + border terms; <W X, dY> = <X, W' dY>, W X = warp(X) - warp(0)
  const zero = reference(c, f32(0, X.shape));
  const linear = f32(
    (Y.data as Float32Array).map((v, i) => v - Number(zero.data[i])),
    Y.shape,
  );
  expect(Math.abs(dot(linear, dY) - dot(X, dX)) / (norm(X) * norm(dY)), "adjoint").toBeLessThan(1e-5);
}

const alone: Record<string, Transform[]> = {
  nothing: [],
  pad: [{ kind: "pad", pixels: 3, value: 0.25 }],
  jitter: [{ kind: "jitter", pixels: 4 }],
  scale: [{ kind: "scale", factors: [0.9, 1.1, 1.3] }],
  rotate: [{ kind: "rotate", degrees: [-10, 7, 30] }],
  lucid: lucid.transforms,
  distill2017: distill2017.transforms,
};

describe.each(Object.entries(alone))("%s", (_name, transforms) => {
  test.each([
    { size: 16, zoom: 1 },
    { size: 17, zoom: 1 },
    { size: 16, zoom: 1.75 },
    { size: 16, zoom: 0.5 },
  ])("size $size, zoom $zoom: forward as defined, adjoint exact", async ({ size, zoom }) => {
    const random = seeded(3, "warp test");
    const side = Math.round(Math.max(8, transformedSize(size, transforms)) * zoom);
    const target = [side, side] as const;
    const reach = warpReach(transforms.filter(isAffine), { size, zoom });
    for (let seed = 0; seed < 3; seed++)
      await check({ source: size, target, reach, border: 0.25, maps: [drawAffine(transforms, random, zoom)] }, seed);
  });
});

test.each(["wasm", "webgpu"] as const)("the %s form handles a batch, each picture with a map of its own", async (backend) => {
  const random = seeded(1, "warp test");
  const maps = [0, 1, 2].map(() => drawAffine(lucid.transforms, random));
  await check({ source: 12, target: [24, 24], reach: 1, border: 0.5, maps, batch: 3, backend }, 9);
});

test.each(["wasm", "webgpu"] as const)("the %s form handles networks that are not square", async (backend) => {
  const reach = warpReach(lucid.transforms.filter(isAffine), { size: 12, zoom: 1.5 });
  const maps = [drawAffine(lucid.transforms, seeded(2, "warp test"), 1.5)];
  for (const target of [[18, 11], [7, 18]] as const) await check({ source: 12, target, reach, border: 0.5, maps, backend }, 5); // prettier-ignore
});

test("a shift by one pixel moves a dot, and its gradient back", async () => {
  const maps: Affine[] = [[1, 0, 1, 0, 1, 0]]; // the target's pixel x shows the picture's pixel x + 1
  const dotAt = (x: number) =>
    f32(
      Float32Array.from({ length: 27 }, (_, i) => (i % 3 === x ? 1 : 0)),
      [1, 3, 3, 3],
    );
  const { Y, dX } = await warpAndAdjoint({ source: 3, target: [3, 3], reach: 1, border: 0, maps }, dotAt(2), dotAt(0));
  expect(Array.from(Y.data as Float32Array)).toEqual(Array.from(dotAt(1).data as Float32Array));
  expect(Array.from(dX.data as Float32Array)).toEqual(Array.from(dotAt(1).data as Float32Array));
});
