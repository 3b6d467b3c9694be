import { describe, expect, test } from "vitest";
import type { Picture } from "../../api/engine";
import { extended, type FilmFrame } from "./film";

const picture = (side: number): Picture => ({ width: side, height: side, rgba: new Uint8ClampedArray(4 * side * side) });
const grown = (frames: number, side = 1): FilmFrame[] => {
  let film: FilmFrame[] = [];
  for (let step = 1; step <= frames; step++) film = extended(film, { step, pictures: [picture(side)] });
  return film;
};

describe("the film", () => {
  test("keeps the first and the last frame, and never more than its bounds", () => {
    for (const frames of [1, 2, 95, 96, 97, 500, 5000]) {
      const film = grown(frames);
      expect(film.length).toBeLessThanOrEqual(96);
      expect([film[0]!.step, film.at(-1)!.step]).toEqual([1, frames]);
      const steps = film.map(({ step }) => step);
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
    }
    expect(grown(96)).toHaveLength(96);
  });

  test("large frames are fewer", () => {
    const film = grown(40, 1024); // 4 MiB each
    expect(film.length * 4).toBeLessThanOrEqual(64);
    expect(film.at(-1)!.step).toBe(40);
  });

  test("a frame of a step that is there already takes its place", () => {
    const film = extended(grown(5), { step: 5, pictures: [picture(2)] });
    expect(film).toHaveLength(5);
    expect(film.at(-1)!.pictures[0]!.width).toBe(2);
  });
});
