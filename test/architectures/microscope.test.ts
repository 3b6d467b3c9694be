/**
 * OpenAI Microscope's networks without their weights: each as its canonical file has it, with seeded random numbers (net.ts).
 * What is looked at goes the way of a reader's own file: cut at a layer, kept as int8, written, read, canonicalised.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { readCatalog } from "../../src/api/catalog";
import { canonicalise, layersOf } from "../../src/onnx/canonicalise";
import { unsupported } from "../../src/autodiff/gradient";
import { sizeOf, type Tensor } from "../../src/onnx/graph";
import { findLayer } from "../../src/onnx/locate";
import { readModel } from "../../src/onnx/read";
import { writeModel } from "../../src/onnx/write";
import { quantize, type Quantized } from "../../src/quantize/quantize";
import { disagreement, TOLERANCE } from "../adjoint";
import { alexnet, vgg } from "./alexnet";
import { googlenet } from "./googlenet";
import { inceptionV3 } from "./inceptionV3";
import { inceptionV4 } from "./inceptionV4";
import { fourSteps, shades, truncated } from "./journey";
import { structureBytes, weightBytes } from "./net";
import { resnetV2 } from "./resnetV2";

const architectures = [alexnet, googlenet, vgg, inceptionV3, inceptionV4, resnetV2];
const catalog = readFileSync(resolve(import.meta.dirname, "../../public/models/catalog.json"), "utf8");
const cards = readCatalog(JSON.parse(catalog)).models;

describe.each(architectures)("$id", (architecture) => {
  const { build, preprocessing, fileBytes, operators, blocks, gradient, render } = architecture;
  const native = () => canonicalise(build(), { preprocessing, until: Object.keys(blocks) });

  test("has as many bytes as the canonical file, structure and weights", () => {
    const graph = build();
    const structure = fileBytes - weightBytes(graph);
    expect(structure / structureBytes(graph)).toBeGreaterThan(0.9);
    expect(structure / structureBytes(graph)).toBeLessThan(1.35); // documentation strings and unused names are not copied
  });

  test.runIf(operators)("has as many operators of each kind as the canonical file", () => {
    const counts: Record<string, number> = {};
    for (const { op } of build().nodes) counts[op] = (counts[op] ?? 0) + 1;
    expect(counts).toEqual(operators);
  });

  test("every block has its documented shape at native size", () => {
    const { types } = native();
    const shapes = Object.fromEntries(Object.keys(blocks).map((name) => [name, types.get(name)!.shape.slice(1)]));
    expect(shapes).toEqual(blocks);
  });

  test("its significant layers are listed, and a gradient goes through all of them", () => {
    const graph = canonicalise(build(), { preprocessing });
    const names = layersOf(graph).map((layer) => layer.name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(blocks)));
    expect(unsupported(graph, { of: graph.outputs[0]!, wrt: "image" })).toEqual([]);
  });

  const card = cards.find(({ microscope }) => microscope?.model === architecture.id);
  test("its card names layers that it has, each a different one", () => {
    const found = card!.layers.map((layer) => findLayer(build(), layer, card!.preprocessing.input));
    expect(found).not.toContain(undefined);
    expect(new Set(found).size).toBe(found.length);
  });

  let kept: Quantized | undefined;
  /** The network up to where its gradient is looked at, as the store keeps it. */
  const stored = () => {
    kept ??= (() => {
      const { graph, report } = quantize(truncated(build(), [gradient.of]));
      return { graph: readModel(writeModel(graph), architecture.id), report };
    })();
    return kept;
  };

  test("kept as int8, its weights lose little", () => {
    const { report } = stored();
    expect(report.length).toBeGreaterThan(4);
    for (const { name, sqnrDb } of report) expect(sqnrDb ?? Infinity, name).toBeGreaterThan(30);
  });

  test("its gradient is that of double precision", async () => {
    const { of, size } = gradient;
    const model = canonicalise(stored().graph, { size: [size, size], until: [of], preprocessing });
    expect(await disagreement(model, of, size, 1)).toBeLessThan(TOLERANCE);
  });

  test("four steps of a render raise the objective", async () => {
    const { graph } = stored();
    kept = undefined;
    const rendered = await fourSteps(graph, preprocessing, render.of, render.size);
    expect(rendered.scores[3]).toBeGreaterThan(rendered.scores[0]!);
    expect(shades(rendered)).toBeGreaterThan(10);
  });
});

test.each([alexnet, vgg])("$id: its dense layers are never read where only convolutions are looked at", async (architecture) => {
  const { build, preprocessing } = architecture;
  const graph = build();
  const dense = [...graph.constants].filter(([, { shape }]) => sizeOf(shape) > 4e6);
  const guarded = dense.map(([name, { dtype, shape }]): [string, Tensor] => {
    const unread = (): never => {
      throw new Error(`${name} [${shape}] was read`);
    };
    return [name, Object.defineProperty({ dtype, shape }, "data", { get: unread, enumerable: true }) as Tensor];
  });
  const whole = { ...graph, constants: new Map([...graph.constants, ...guarded]) };
  expect(guarded).toHaveLength(3);
  expect(layersOf(canonicalise(whole, { preprocessing })).map(({ shape }) => shape)).toContainEqual([1, 4096]);
  const { of, size } = architecture.render;
  expect(truncated(whole, [of]).constants.size).toBeLessThan(whole.constants.size);
  expect((await fourSteps(whole, preprocessing, of, size)).scores).toHaveLength(4);
});
