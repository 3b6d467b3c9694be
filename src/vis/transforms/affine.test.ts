import { describe, expect, test } from "vitest";
import { seeded, type Random } from "../random";
import type { Transform } from "../recipe";
import { distill2017, lucid } from "../recipes";
import { drawAffines, isAffine, stillAffines, transformedSize, warpReach, type Affine } from "./affine";
import { borderValue } from "./plan";

const drawAffine = (transforms: readonly Transform[], random: Random, zoom = 1): Affine =>
  drawAffines(transforms.filter(isAffine), { random, at: { step: 1, steps: 1 }, size: 128, zoom })[0]!;

const apply = ([a, b, tx, c, d, ty]: Affine, x: number, y: number) => [a * x + b * y + tx, c * x + d * y + ty] as const;
const draws = (transforms: Transform[], n = 200, zoom = 1): Affine[] => {
  const random = seeded(1, "test");
  return Array.from({ length: n }, () => drawAffine(transforms, random, zoom));
};

describe("drawAffine", () => {
  test("pad alone moves nothing about the centre, and makes the target larger", () => {
    const pad: Transform[] = [{ kind: "pad", pixels: 12, value: 0.5 }];
    expect(draws(pad, 1)).toEqual([stillAffines([], { size: 128 })[0]]);
    expect(transformedSize(128, pad)).toBe(152);
  });

  test("jitter alone cuts windows at every whole offset, and no other", () => {
    const cut = draws([{ kind: "jitter", pixels: 3 }]);
    for (const [a, b, , c, d] of cut) expect([a, b, c, d]).toEqual([1, 0, 0, 1]);
    // a window that starts at offset o has its centre o - 1.5 from the picture's
    expect(new Set(cut.map((map) => map[2]))).toEqual(new Set([-1.5, -0.5, 0.5, 1.5]));
    expect(new Set(cut.map((map) => map[5]))).toEqual(new Set([-1.5, -0.5, 0.5, 1.5]));
  });

  test("scale by 1.25 shows the middle 1 / 1.25 of the picture", () => {
    const [map] = draws([{ kind: "scale", factors: [1.25] }], 1);
    expect(apply(map!, 10, -5)).toEqual([8, -4]);
  });

  test("rotate by 90 degrees turns the x axis of the target into the y axis of the picture", () => {
    const [map] = draws([{ kind: "rotate", degrees: [90] }], 1);
    const [x, y] = apply(map!, 1, 0);
    expect(x).toBeCloseTo(0, 12);
    expect(y).toBeCloseTo(1, 12);
  });

  test("later transforms act on the result of earlier ones", () => {
    // a shift before a zoom is a shift of the picture; after it, of the zoomed picture
    const zoom: Transform = { kind: "scale", factors: [2] };
    const shift: Transform = { kind: "jitter", pixels: 4 };
    const before = new Set(draws([shift, zoom]).map((map) => map[2]));
    const after = new Set(draws([zoom, shift]).map((map) => map[2]));
    expect(before).toEqual(new Set([-2, -1, 0, 1, 2]));
    expect(after).toEqual(new Set([-1, -0.5, 0, 0.5, 1]));
  });

  test.each([lucid, distill2017])(
    "$name: rotations and zooms keep within the recipe's bounds, and repeat with the seed",
    ({ transforms }) => {
      const scales = draws(transforms).map(([a, , , c]) => Math.hypot(a, c));
      const factors = transforms.flatMap((t) => (t.kind === "scale" ? t.factors : []));
      expect(Math.min(...scales)).toBeGreaterThanOrEqual(1 / Math.max(...factors) - 1e-12);
      expect(Math.max(...scales)).toBeLessThanOrEqual(1 / Math.min(...factors) + 1e-12);
      expect(draws(transforms)).toEqual(draws(transforms));
    },
  );
});

test("Lucid's transforms leave 128 + 24 - 8 - 4 pixels a side, and the grey of its pad", () => {
  expect(transformedSize(128, lucid.transforms)).toBe(140);
  expect(borderValue(lucid.transforms)).toBe(0.5);
  expect(borderValue([])).toBe(0.5);
});

describe("warpReach", () => {
  test("Lucid's transforms let 3 x 3 pixels read one", () =>
    expect(warpReach(lucid.transforms.filter(isAffine), { size: 128 })).toBe(1));

  test.each([1, 1.6, 3.66, 0.4])("zoom %f: nothing farther than the reach reads a pixel", (zoom) => {
    const reach = warpReach(lucid.transforms.filter(isAffine), { size: 128, zoom });
    for (const [a, b, , c, d] of draws(lucid.transforms, 300, zoom)) {
      const determinant = a * d - b * c;
      // the target of a source 1 away along both axes, farthest of the four corners
      const farthest = Math.max(Math.abs(d) + Math.abs(b), Math.abs(c) + Math.abs(a)) / determinant;
      expect(Math.ceil(farthest + 0.5) - 1).toBeLessThanOrEqual(reach);
    }
  });
});
