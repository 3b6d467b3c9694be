/** Methods that ask about changed pictures, on functions whose answer is known: the probe is plain arithmetic. */
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";
import type { MethodContext, Probe } from "../probe";
import { kernelShap, coalitionsOf, shapleyValues } from "./kernelShap";
import { leastSquares } from "./linear";
import { lime } from "./lime";
import { occlusion } from "./occlusion";
import { regions } from "./regions";
import { rise, riseMask } from "./rise";
import { connected, slic, toLab } from "./superpixels";
import { ranked, xrai } from "./xrai";

const random = seeded(7, "black box");
const SIDE = 16;
const PLANE = SIDE * SIDE;
const weights = Float32Array.from({ length: 3 * PLANE }, () => random.normal());

/** f(x) = weights . x + 5, whose gradient is the weights. */
function linearProbe(): Probe & { asked: number } {
  const unused = (): never => {
    throw new Error("not asked by these methods");
  };
  const probe = {
    asked: 0,
    size: [SIDE, SIDE] as const,
    mean: [0.5, 0.4, 0.3] as const,
    batch: 4,
    async scores({ data, shape }: Tensor) {
      probe.asked += shape[0]!;
      return Float32Array.from({ length: shape[0]! }, (_, n) =>
        weights.reduce((sum, w, k) => sum + w * (data as Float32Array)[n * weights.length + k]!, 5),
      );
    },
    async gradients(pictures: Tensor) {
      const gradients = new Float32Array(pictures.data.length);
      for (let n = 0; n < pictures.shape[0]!; n++) gradients.set(weights, n * weights.length);
      return { scores: await probe.scores(pictures), gradients: f32(gradients, pictures.shape) };
    },
    layer: unused,
    scoresFrom: unused,
    slopesFrom: unused,
  };
  return probe;
}
/** Four quarters, each of a colour of its own: superpixels are the quarters. */
const quarter = (i: number): number => (Math.floor(i / SIDE) < SIDE / 2 ? 0 : 2) + (i % SIDE < SIDE / 2 ? 0 : 1);
const colours = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 1],
] as const;
const quarters = f32(
  Float32Array.from({ length: 3 * PLANE }, (_, k) => colours[quarter(k % PLANE)]![Math.floor(k / PLANE)]!),
  [1, 3, SIDE, SIDE],
);
const noise = f32(Float32Array.from({ length: 3 * PLANE }, () => random.uniform()), [1, 3, SIDE, SIDE]); // prettier-ignore
const contextOf = (
  picture: Tensor,
  more: Partial<MethodContext> = {},
): MethodContext & { probe: ReturnType<typeof linearProbe> } =>
  ({
    probe: linearProbe(),
    picture,
    pictures: {},
    ...more,
  }) as MethodContext & { probe: ReturnType<typeof linearProbe> };
/** What a pixel adds over black: weights . x, over colours. */
const share = (picture: Tensor, i: number): number =>
  [0, 1, 2].reduce((sum, c) => sum + weights[c * PLANE + i]! * (picture.data as Float32Array)[c * PLANE + i]!, 0);
const list = ({ data }: Tensor): number[] => Array.from(data as Float32Array);
function correlation(a: readonly number[], b: readonly number[]): number {
  const centred = (v: readonly number[]) => v.map((x) => x - v.reduce((s, y) => s + y, 0) / v.length);
  const [p, q] = [centred(a), centred(b)];
  const dot = (u: readonly number[], w: readonly number[]) => u.reduce((s, x, i) => s + x * w[i]!, 0);
  return dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q));
}

describe("occlusion", () => {
  test("of single pixels is what each of them adds", async () => {
    const { map, score } = await occlusion(contextOf(noise), {
      name: "occlusion",
      patch: 1,
      stride: 1,
      baseline: { kind: "black" },
    });
    list(map).forEach((v, i) => expect(v).toBeCloseTo(share(noise, i), 4));
    expect(score).toBeCloseTo(5 + list(map).reduce((a, b) => a + b, 0), 3);
  });
  test("of a square is what all its pixels add; the last square ends with the picture", async () => {
    const context = contextOf(noise);
    const { map } = await occlusion(context, { name: "occlusion", patch: 8, stride: 7, baseline: { kind: "black" } });
    expect(context.probe.asked).toBe(1 + 9); // 0, 7 and 8 along both sides
    const first = Array.from({ length: PLANE }, (_, i) => i).filter((i) => i % SIDE < 8 && i < 8 * SIDE);
    expect(list(map)[0]).toBeCloseTo(first.reduce((sum, i) => sum + share(noise, i), 0), 3); // prettier-ignore
  });
});

describe("RISE", () => {
  test("comes near what a cell's pixels add, and nearer with more masks", async () => {
    const cells = 4;
    const truth = list(f32(Float32Array.from({ length: PLANE }, (_, i) => share(quarters, i)), [PLANE])); // prettier-ignore
    const smooth = truth.map((_, i) => {
      const [y, x] = [Math.floor(i / SIDE), i % SIDE];
      let sum = 0;
      for (let v = Math.max(0, y - 3); v < Math.min(SIDE, y + 4); v++)
        for (let u = Math.max(0, x - 3); u < Math.min(SIDE, x + 4); u++) sum += truth[v * SIDE + u]!;
      return sum;
    });
    const of = async (masks: number) =>
      correlation(list((await rise(contextOf(quarters), { name: "rise", masks, cells })).map), smooth);
    const [few, many] = [await of(200), await of(4000)];
    expect(many).toBeGreaterThan(0.9);
    expect(many).toBeGreaterThan(few);
  });
  test("masks let through as much as they are told, and change from draw to draw", () => {
    const masks = seeded(1, "masks");
    const all = Array.from({ length: 400 }, () => riseMask(masks, { cells: 7, keep: 0.3, height: 20, width: 28 }));
    const mean = all.flatMap((m) => [...m]).reduce((a, b) => a + b, 0) / (400 * 560);
    expect(Math.abs(mean - 0.3)).toBeLessThan(0.02);
    expect(all.every((m) => m.every((v) => v >= 0 && v <= 1))).toBe(true);
    expect([...all[0]!]).not.toEqual([...all[1]!]);
  });
  test("the same seed, the same map; it is heard when cancelled, and tells how far it is", async () => {
    const run = async () => list((await rise(contextOf(noise), { name: "rise", masks: 50, seed: 4 })).map);
    expect(await run()).toEqual(await run());
    const stop = new AbortController();
    const seen: number[] = [];
    const stopped = rise(
      contextOf(noise, { signal: stop.signal, onProgress: (done) => (seen.push(done), stop.abort(new Error("enough"))) }),
      { name: "rise", masks: 500 },
    );
    await expect(stopped).rejects.toThrow("enough");
    expect(seen).toEqual([16]);
  });
});

/** What a quarter adds over the mean colour. */
const quarterShare = (q: number): number =>
  Array.from({ length: PLANE }, (_, i) => i)
    .filter((i) => quarter(i) === q)
    .reduce(
      (sum, i) => sum + [0, 1, 2].reduce((s, c) => s + weights[c * PLANE + i]! * (colours[q]![c]! - [0.5, 0.4, 0.3][c]!), 0),
      0,
    );

describe("KernelSHAP", () => {
  test("of a sum over superpixels is what each of them adds, to the last digit, and the map sums to the difference", async () => {
    const { map, complete } = await kernelShap(contextOf(quarters), { name: "kernelShap", segments: 4 });
    for (const i of [0, SIDE - 1, PLANE - SIDE, PLANE - 1])
      expect(list(map)[i]! * (PLANE / 4)).toBeCloseTo(quarterShare(quarter(i)), 3);
    expect(list(map).reduce((a, b) => a + b, 0)).toBeCloseTo(complete!, 3);
  });

  const game = (row: ArrayLike<number>): number => 2 * row[0]! - row[1]! + 3 * row[1]! * row[2]! + row[0]! * row[2]! * row[3]!;
  /** By the definition: the mean over orders of arriving of what a player adds. */
  function exact(m: number): number[] {
    const orders = (left: number[]): number[][] =>
      left.length ? left.flatMap((p) => orders(left.filter((q) => q !== p)).map((o) => [p, ...o])) : [[]];
    const all = orders(Array.from({ length: m }, (_, i) => i));
    const out = new Array<number>(m).fill(0);
    for (const order of all) {
      const there = new Array<number>(m).fill(0);
      for (const player of order) {
        const before = game(there);
        there[player] = 1;
        out[player]! += (game(there) - before) / all.length;
      }
    }
    return out;
  }
  test("of a game with interactions are the Shapley values by their definition", () => {
    const { coalitions, weights: kernel } = coalitionsOf(4, 100, 1);
    expect(coalitions).toHaveLength(14);
    const values = shapleyValues(coalitions, kernel, coalitions.map(game), { whole: game([1, 1, 1, 1]), nothing: 0 });
    exact(4).forEach((v, i) => expect(values[i]).toBeCloseTo(v, 9));
  });
  test("drawn coalitions come near them, come in complements, and keep the sum", () => {
    const m = 12;
    const big = (row: ArrayLike<number>): number =>
      game(row) + Array.from({ length: m - 4 }, (_, i) => (i + 1) * row[4 + i]!).reduce((a, b) => a + b, 0);
    const { coalitions, weights: kernel } = coalitionsOf(m, 1500, 2);
    expect(coalitions).toHaveLength(1500);
    expect(Array.from(coalitions[0]!, (v, i) => v + coalitions[1]![i]!)).toEqual(new Array(m).fill(1));
    const whole = big(new Array(m).fill(1));
    const values = shapleyValues(coalitions, kernel, coalitions.map(big), { whole, nothing: 0 });
    expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(whole, 9);
    [...exact(4), ...Array.from({ length: m - 4 }, (_, i) => i + 1)].forEach((v, i) =>
      expect(Math.abs(values[i]! - v)).toBeLessThan(0.15),
    );
  });
});

describe("LIME", () => {
  test("of a sum over superpixels comes near what each adds, a little short of it by its ridge", async () => {
    const { map, score } = await lime(contextOf(quarters), { name: "lime", segments: 4, samples: 400 });
    for (const i of [0, SIDE - 1, PLANE - SIDE, PLANE - 1]) {
      const truth = quarterShare(quarter(i));
      expect(Math.abs(list(map)[i]! - truth)).toBeLessThan(0.1 * Math.abs(truth) + 0.3);
    }
    expect(score).toBeCloseTo(5 + Array.from({ length: PLANE }, (_, i) => share(quarters, i)).reduce((a, b) => a + b, 0), 3); // prettier-ignore
  });
});

describe("superpixels", () => {
  test("SLIC finds quarters of one colour each", () => {
    const { count, of } = slic(quarters, 4);
    expect(count).toBe(4);
    for (let i = 0; i < PLANE; i++) expect(of[i]).toBe(of[[0, SIDE - 1, PLANE - SIDE, PLANE - 1][quarter(i)]!]);
  });
  test("regions by graph find them too, but for the blur along their borders", () => {
    const side = 64;
    const at = (i: number): number => (Math.floor(i / side) < side / 2 ? 0 : 2) + (i % side < side / 2 ? 0 : 1);
    const large = Float32Array.from(
      { length: 3 * side * side },
      (_, k) => colours[at(k % side ** 2)]![Math.floor(k / side ** 2)]!,
    );
    const { count, of } = regions(f32(large, [1, 3, side, side]), 4, 400);
    expect(count).toBe(4);
    const inner = Array.from(of.keys()).filter((i) => [Math.floor(i / side), i % side].every((v) => Math.abs(v - 31.5) > 5));
    for (const i of inner) expect(of[i]).toBe(of[[0, side - 1, side ** 2 - side, side ** 2 - 1][at(i)]!]);
  });
  test("every pixel is in one, each hangs together, and there are about as many as were asked for", () => {
    const side = 48;
    const cloud = f32(
      Float32Array.from({ length: 3 * side * side }, (_, k) => Math.sin(k / 7) / 2 + 0.5),
      [1, 3, side, side],
    );
    const { count, of } = slic(cloud, 16);
    expect(count).toBeGreaterThan(8);
    expect(count).toBeLessThan(33);
    expect(connected(of, [side, side], 0).count).toBe(count);
    expect(new Set(of)).toEqual(new Set(Array.from({ length: count }, (_, i) => i)));
  });
  test("colours in CIELAB: white, black, and red as tables have it", () => {
    const lab = toLab(Float32Array.from([1, 0, 1, 1, 0, 0, 1, 0, 0]), 3);
    const expected = [100, 0, 0, 0, 0, 0, 53.24, 80.09, 67.2];
    lab.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(0.02));
  });
});

describe("XRAI", () => {
  test("takes the region with the highest mean first, and what is left of others after it", () => {
    const held = [5, 1, 1, 0, -1, -1];
    const pixels = (...at: number[]): Int32Array => Int32Array.from(at);
    expect([...ranked([pixels(0, 1), pixels(0, 1, 2, 3), pixels(2, 3, 4, 5)], held, 1)]).toEqual([3, 3, 0.5, 0.5, -1, -1]);
  });
  test("of a linear function, regions in the order of what they hold", async () => {
    const { map } = await xrai(contextOf(quarters), { name: "xrai", points: 2 });
    expect(list(map).every(Number.isFinite)).toBe(true);
    expect(map.shape).toEqual([SIDE, SIDE]);
  });
});

describe("least squares", () => {
  test("finds what made the targets, by weights", () => {
    const rows = Array.from({ length: 20 }, () => [1, random.normal(), random.normal()]);
    const targets = rows.map(([, a, b]) => 3 - 2 * a! + 0.5 * b!);
    [3, -2, 0.5].forEach((v, i) => expect(leastSquares(rows, targets, rows.map(() => 1 + random.uniform()), 0)[i]).toBeCloseTo(v, 9)); // prettier-ignore
  });
  test("says when the rows do not tell the unknowns apart", () => {
    expect(() => leastSquares([[1, 1], [1, 1]], [1, 1], [1, 1], 0)).toThrow("2 samples do not tell 2 regions apart."); // prettier-ignore
  });
});
