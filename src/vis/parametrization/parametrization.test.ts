import { describe, expect, test } from "vitest";
import { relativeDifference } from "../../../test/smallGraph";
import { runGraph } from "../../../test/runGraph";
import { GraphBuilder } from "../../onnx/builder";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { colorMatrix, emitPicture, initialTheta, spectrumScale, thetaShape } from "./parametrization";
import { seeded } from "../random";
import type { Recipe } from "../recipe";
import { lucid } from "../recipes";

async function pictureOf(recipe: Recipe, theta: Float32Array, batch = 1): Promise<Tensor> {
  const b = new GraphBuilder();
  const input = b.input("theta", "float32", thetaShape(recipe, batch));
  const picture = emitPicture(b, recipe, input, {});
  const out = await runGraph(b.build("picture", [picture]), { theta: f32(theta, input.shape) });
  return out[picture.name]!;
}

/** numpy.fft.irfft2 of one channel [2H, F] (real rows, then imaginary ones), as its definition has it, in float64. */
function irfft2(spectrum: ArrayLike<number>, size: number): Float64Array {
  const half = Math.floor(size / 2) + 1;
  const out = new Float64Array(size * size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      let sum = 0;
      for (let u = 0; u < size; u++)
        for (let v = 0; v < half; v++) {
          const angle = 2 * Math.PI * ((u * y) / size + (v * x) / size);
          const real = spectrum[u * half + v]! * Math.cos(angle) - spectrum[(size + u) * half + v]! * Math.sin(angle);
          sum += (v === 0 || 2 * v === size ? 1 : 2) * real;
        }
      out[y * size + x] = sum / (size * size);
    }
  return out;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe("Fourier parametrization", () => {
  test.each([4, 5, 8, 15, 16])("size %i: picture = sigmoid(colour(irfft2(scale * theta)))", async (size) => {
    const recipe = { ...lucid, size };
    const theta = initialTheta(recipe, [seeded(1, "theta"), seeded(2, "theta")]);
    const length = 2 * size * (Math.floor(size / 2) + 1);
    const scale = spectrumScale(size, 1);
    const expected = new Float32Array(2 * 3 * size * size);
    for (let n = 0; n < 2; n++) {
      const channels = [0, 1, 2].map((c) => {
        const from = (n * 3 + c) * length;
        return irfft2(
          Float64Array.from(scale, (s, i) => s * theta[from + i]!),
          size,
        );
      });
      colorMatrix().forEach((row, c) => {
        for (let i = 0; i < size * size; i++)
          expected[(n * 3 + c) * size * size + i] = sigmoid(row.reduce((sum, w, k) => sum + w * channels[k]![i]!, 0));
      });
    }
    const actual = await pictureOf(recipe, theta, 2);
    expect(relativeDifference(actual, f32(expected, [2, 3, size, size]))).toBeLessThan(2e-6);
  });

  test("the scale is Lucid's: sqrt(w h) / max(frequency, 1 / max(w, h)) / 4, rows of negative frequencies mirrored", () => {
    const scale = spectrumScale(4, 1);
    const f = (fy: number, fx: number) => 4 / Math.max(Math.hypot(fy, fx), 0.25) / 4;
    const rows = [0, 0.25, 0.5, -0.25].flatMap((fy) => [0, 0.25, 0.5].map((fx) => f(fy, fx)));
    [...rows, ...rows].forEach((v, i) => expect(scale[i]).toBeCloseTo(v, 6));
  });

  test("starts as faint noise around middle grey", async () => {
    const { data } = await pictureOf({ ...lucid, size: 64 }, initialTheta({ ...lucid, size: 64 }, [seeded(1, "theta")]));
    const values = Array.from(data as Float32Array);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    expect(mean).toBeCloseTo(0.5, 1);
    expect(sd).toBeGreaterThan(0.001);
    expect(sd).toBeLessThan(0.1);
  });
});

test("the pixel parametrization is the picture before colour and sigmoid", async () => {
  const recipe: Recipe = { ...lucid, size: 3, parametrization: { kind: "pixel", sd: 1 }, color: "plain" };
  const theta = initialTheta(recipe, [seeded(1, "theta")]);
  const actual = await pictureOf(recipe, theta);
  expect(actual.shape).toEqual([1, 3, 3, 3]);
  expect(relativeDifference(actual, f32(theta.map(sigmoid), [1, 3, 3, 3]))).toBeLessThan(1e-6);
});

test("the colour matrix's longest column has length 1", () => {
  const lengths = [0, 1, 2].map((c) => Math.hypot(...colorMatrix().map((row) => row[c]!)));
  expect(Math.max(...lengths)).toBeCloseTo(1, 12);
  expect(lengths[0]).toBe(Math.max(...lengths));
});
