import { decodeFrames } from "modern-gif";
import { describe, expect, test } from "vitest";
import type { Picture } from "../api/engine";
import { gifOf, overWhite } from "./gif";

const shade = (r: number, g: number, b: number, alpha = 255, side = 16): Picture => {
  const rgba = new Uint8ClampedArray(4 * side * side);
  for (let i = 0; i < rgba.length; i += 4) rgba.set([r, g, b, alpha], i);
  return { width: side, height: side, rgba };
};

describe("gifOf", () => {
  test("frames come back in their order, size, colours and time", async () => {
    const seen: number[] = [];
    const bytes = await gifOf([shade(200, 30, 30), shade(30, 200, 30), shade(30, 30, 200)], {
      frameMs: 50,
      onFrame: (done) => seen.push(done),
    });
    expect(String.fromCharCode(...bytes.slice(0, 6))).toBe("GIF89a");
    const frames = decodeFrames(bytes.buffer);
    expect(frames.map(({ width, height, delay }) => [width, height, delay])).toEqual([
      [16, 16, 50],
      [16, 16, 50],
      [16, 16, 400],
    ]);
    for (const [i, colour] of [
      [200, 30, 30],
      [30, 200, 30],
      [30, 30, 200],
    ].entries())
      for (const c of [0, 1, 2]) expect(Math.abs(frames[i]!.data[4 * 40 + c]! - colour[c]!)).toBeLessThan(12);
    expect(seen).toEqual([1, 2, 3]);
  });

  test("transparent pictures lie over white", () => {
    expect([...overWhite(shade(100, 0, 0, 0)).slice(0, 4)]).toEqual([255, 255, 255, 255]);
    expect([...overWhite(shade(55, 55, 55, 128)).slice(0, 3)].every((v) => Math.abs(v - 155) < 2)).toBe(true);
  });

  test("it can be stopped between frames, and nothing to show is said", async () => {
    const stop = new AbortController();
    const work = gifOf([shade(1, 1, 1), shade(2, 2, 2), shade(3, 3, 3)], {
      signal: stop.signal,
      onFrame: () => stop.abort(new Error("enough")),
    });
    await expect(work).rejects.toThrow("enough");
    await expect(gifOf([])).rejects.toThrow("no frame was kept");
  });
});
