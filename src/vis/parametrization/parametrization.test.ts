import { describe, expect, test } from "vitest";
import { relativeDifference } from "../../../test/smallGraph";
import { runGraph } from "../../../test/runGraph";
import { GraphBuilder } from "../../onnx/builder";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { colorMatrix } from "./color";
import { maco } from "./maco";
import { emitPicture, extraInputs, initialTheta, thetaFrom, thetaShape } from "./parametrization";
import { spectrumOf, spectrumScale } from "./spectrum";
import { seeded } from "../random";
import type { Parametrization, Recipe } from "../recipe";
import { lucid } from "../recipes";
import { testPicture } from "../testPictures";

async function pictureOf(recipe: Recipe, theta: Float32Array, batch = 1): Promise<Tensor> {
  const b = new GraphBuilder();
  const input = b.input("theta", "float32", thetaShape(recipe, batch));
  const picture = emitPicture(b, { ...recipe, batch }, input, {});
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

describe("starting from a picture", () => {
  const SIZE = 24;
  const picture = testPicture([SIZE, SIZE], 1);
  const distance = (a: Tensor) =>
    Math.max(...Array.from(a.data as Float32Array, (v, i) => Math.abs(v - Number(picture.data[i])))); // prettier-ignore

  test.each([
    { kind: "pixel", sd: 0.01 },
    { kind: "fourier", sd: 0.01, decayPower: 1 },
    { kind: "fourier", sd: 0.01, decayPower: 2 },
  ] as const)("%j has an exact theta, within half of a byte's step", async (parametrization) => {
    for (const color of ["decorrelated", "plain"] as const) {
      const recipe: Recipe = { ...lucid, size: SIZE, parametrization, color };
      const out = await pictureOf(recipe, thetaFrom(recipe, picture)!);
      expect(distance(out)).toBeLessThan(1 / 255);
    }
  });

  test("in gray it is the picture's mean of colours", async () => {
    const recipe: Recipe = { ...lucid, size: SIZE, color: "gray" };
    const out = await pictureOf(recipe, thetaFrom(recipe, picture)!);
    const plane = SIZE * SIZE;
    for (const i of [0, 100, plane - 1]) {
      const mean = [0, 1, 2].reduce((sum, c) => sum + Number(picture.data[c * plane + i]) / 3, 0);
      for (const c of [0, 1, 2]) expect(out.data[c * plane + i]).toBeCloseTo(mean, 2);
    }
  });

  test("with alpha it is nearly opaque", async () => {
    const recipe: Recipe = { ...lucid, size: SIZE, alpha: { kind: "learned", background: 0.1 } };
    const out = await pictureOf(recipe, thetaFrom(recipe, picture)!);
    expect(out.shape).toEqual([1, 4, SIZE, SIZE]);
    const alpha = Array.from(out.data as Float32Array).slice(3 * SIZE * SIZE);
    expect(Math.min(...alpha)).toBeGreaterThan(0.9);
  });

  test.each(["pyramid", "lowres", "cppn", "shared", "maco"] as const)("%s has none: it is fitted", (kind) => {
    const parametrization = {
      kind,
      sd: 1,
      levels: 3,
      factor: 2,
      hidden: 4,
      layers: 2,
      decayPower: 1,
      factors: [2],
      pictures: [],
    };
    expect(
      thetaFrom({ ...lucid, size: SIZE, parametrization: parametrization as Recipe["parametrization"] }, picture),
    ).toBeNull();
  });
});

describe("MACO", () => {
  const recipe: Recipe = { ...lucid, size: 32, parametrization: { kind: "maco", sd: 1, pictures: [] } };

  test("magnitudes stay: whatever the phases, every frequency has the energy of the pictures it was made from", async () => {
    const magnitudes = extraInputs(recipe, {})["param.magnitudes"]!;
    const b = new GraphBuilder();
    const theta = b.input("theta", "float32", thetaShape(recipe, 1));
    const flat = maco.emit(
      b,
      recipe.parametrization as Extract<Parametrization, { kind: "maco" }>,
      theta,
      { size: 32, batch: 1, channels: 3 },
      {
        "param.magnitudes": b.input("param.magnitudes", "float32", magnitudes.shape),
      },
    );
    const out = await runGraph(b.build("maco", [flat]), {
      theta: f32(initialTheta(recipe, [seeded(3, "theta")]), theta.shape),
      "param.magnitudes": magnitudes,
    });
    const plane = (out[flat.name]!.data as Float32Array).slice(0, 32 * 32);
    const spectrum = spectrumOf(plane, 32);
    const half = 17;
    for (const [u, v] of [
      [1, 1],
      [5, 3],
      [30, 8],
      [16, 4],
    ] as const) {
      // not those that are their own conjugates: they are real
      const i = u * half + v;
      expect(Math.hypot(spectrum[i]!, spectrum[32 * half + i]!) / Number(magnitudes.data[i])).toBeCloseTo(1, 3);
    }
  });

  test("a picture that is named and not given is asked for by name", () => {
    const named: Recipe = { ...recipe, parametrization: { kind: "maco", sd: 1, pictures: ["beach"] } };
    expect(() => extraInputs(named, {})).toThrow('the picture "beach" is not here');
  });

  test("spectra of larger pictures are the small one's, stretched", () => {
    const large = extraInputs({ ...recipe, size: 256 }, {})["param.magnitudes"]!;
    expect(large.shape).toEqual([3, 256, 129]);
    expect(Array.from(large.data as Float32Array).every((v) => Number.isFinite(v) && v >= 0)).toBe(true);
  });
});

test("pictures of a batch come from streams of their own: each is the one that is made alone", () => {
  for (const parametrization of [
    lucid.parametrization,
    { kind: "cppn", hidden: 4, layers: 2 } as const,
    { kind: "pyramid", sd: 1, levels: 2 } as const,
  ]) {
    const recipe: Recipe = { ...lucid, size: 8, parametrization };
    const both = initialTheta({ ...recipe, batch: 2 }, [seeded(1, "theta"), seeded(2, "theta")]);
    const second = initialTheta(recipe, [seeded(2, "theta")]);
    expect(both.slice(both.length / 2)).toEqual(second);
  }
});

test("the colour matrix's longest column has length 1", () => {
  const lengths = [0, 1, 2].map((c) => Math.hypot(...colorMatrix().map((row) => row[c]!)));
  expect(Math.max(...lengths)).toBeCloseTo(1, 12);
  expect(lengths[0]).toBe(Math.max(...lengths));
});
