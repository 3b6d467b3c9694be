/** Every family of networks that readers bring, from the file to a picture (families.ts). */
import { describe, expect, test } from "vitest";
import { unsupported } from "../../src/autodiff/gradient";
import { inspect } from "../../src/models/inspect";
import { canonicalise, layersOf } from "../../src/onnx/canonicalise";
import { readModel } from "../../src/onnx/read";
import { writeModel } from "../../src/onnx/write";
import { disagreement, TOLERANCE } from "../adjoint";
import { preprocessing } from "./architecture";
import { families } from "./families";
import { fourSteps, shades } from "./journey";

describe.each(families)("$name", ({ build, size, output }) => {
  const input = preprocessing("image", size);
  const read = () => readModel(writeModel(build()), "file");
  const canonical = () => canonicalise(read(), { preprocessing: input });

  test("sizes computed from Shape are folded away, and a gradient goes through all of it", () => {
    const graph = canonical();
    expect(graph.types.get(graph.outputs[0]!)!.shape).toEqual([1, ...output]);
    expect(graph.nodes.map(({ op }) => op)).not.toContain("Shape");
    expect(unsupported(graph, { of: graph.outputs[0]!, wrt: "image" })).toEqual([]);
  });

  test("it is looked into: layers, and nothing in the way", () => {
    const { layers, unsupported: missing } = inspect({ graph: read(), preprocessing: input, leftOut: [] });
    expect(missing).toEqual([]);
    expect(layers.length).toBeGreaterThan(2);
    expect(layers.some(({ significant }) => significant)).toBe(true);
  });

  test("its gradient is that of double precision", async () => {
    const graph = canonical();
    expect(await disagreement(graph, graph.outputs[0]!, size)).toBeLessThan(TOLERANCE);
  });

  test("four steps of a render raise the objective", async () => {
    const graph = read();
    const rendered = await fourSteps(graph, input, graph.outputs[0]!, size);
    expect(rendered.scores[3]).toBeGreaterThan(rendered.scores[0]!);
    expect(shades(rendered)).toBeGreaterThan(10);
  });
});

/** The canonical graph of the family whose name begins so. */
function familyOf(start: string) {
  const { build, size } = families.find(({ name }) => name.startsWith(start))!;
  const input = preprocessing("image", size);
  return { graph: build(), size, input, canonical: canonicalise(build(), { preprocessing: input }) };
}

test.each(["ViT", "CLIP"])(
  "%s: tokens are layers, a row of positions, each with all channels; attention's heads are none",
  async (start) => {
    const { graph, size, input, canonical } = familyOf(start);
    const layers = layersOf(canonical);
    const tokens = layers.filter(({ grid }) => grid[0] === 1 && grid[1] === 17);
    expect(tokens.length).toBeGreaterThan(3);
    expect(layers.filter(({ shape }) => shape.length === 4).map(({ op }) => op)).toEqual(["Conv"]);
    const residual = tokens.filter(({ op, channels }) => op === "Add" && channels === 16).at(-1)!;
    const rendered = await fourSteps(graph, input, residual.name, size);
    expect(rendered.scores[3]).toBeGreaterThan(rendered.scores[0]!);
  },
);

test("ConvNeXt: what has its channels last is no layer", () => {
  const grids = layersOf(familyOf("ConvNeXt").canonical).map(({ grid, channels }) => `${channels}x${grid.join("x")}`);
  expect(new Set(grids)).toEqual(new Set(["12x8x8", "12x1x1", "5x1x1"]));
});
