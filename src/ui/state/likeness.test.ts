/** How alike a layer finds the pictures of several seeds. */
import { describe, expect, test } from "vitest";
import { KIND, LIKENESS_WORDS, likenessOf, meanCosine, SAME } from "./likeness";

describe("meanCosine", () => {
  test("is over pairs, of rows less their average", () => {
    expect(meanCosine([[1, 2, 3], [11, 12, 13]])).toBeCloseTo(1); // prettier-ignore
    expect(meanCosine([[1, 0], [0, 1]])).toBeCloseTo(-1); // prettier-ignore
    expect(meanCosine([[1, -1, 0, 0], [0, 0, 1, -1], [1, -1, 0, 0]])).toBeCloseTo(1 / 3); // prettier-ignore
    expect(meanCosine([Float32Array.of(-7, -7, -6), Float32Array.of(-7, -6, -7)])).toBeCloseTo(-0.5);
  });
  test("is nothing for one picture, for none, or where a row does not vary", () => {
    expect([meanCosine([]), meanCosine([[1, 2]]), meanCosine([[1, 1], [1, 2]]), meanCosine([[], []])]).toEqual([null, null, null, null]); // prettier-ignore
  });
});

test("thresholds lie between what was seen: textures, one thing in other poses, other pictures", () => {
  expect([0.986, SAME, 0.975, 0.893, KIND, 0.77].map(likenessOf)).toEqual(["same", "same", "kind", "kind", "kind", "sides"]);
  expect(Object.values(LIKENESS_WORDS)).toHaveLength(3);
});
