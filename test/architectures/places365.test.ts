/** Microscope's two networks of scenes by their own prototxts, with seeded weights: the way of a reader's two files, to a picture. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importModel } from "../../src/importers/importModel";
import { importCaffe } from "../../src/importers/caffe/import";
import { canonicalise } from "../../src/onnx/canonicalise";
import { readModel } from "../../src/onnx/read";
import { writeModel } from "../../src/onnx/write";
import { quantize } from "../../src/quantize/quantize";
import { disagreement, TOLERANCE } from "../adjoint";
import { SHARED_DATA } from "../photos";
import { caffemodel, seededWeights } from "../tinyCaffe";
import { caffe } from "./architecture";
import { fourSteps, shades } from "./journey";

const networks = [
  { name: "alexnet", size: 227, gradient: { of: "conv5", size: 99 }, render: { of: "conv4", size: 75 } },
  {
    name: "googlenet",
    size: 224,
    gradient: { of: "inception_4c/output", size: 64 },
    render: { of: "inception_4a/output", size: 64 },
  },
];
const path = (name: string) => join(SHARED_DATA, "prototxt", `deploy_${name}_places365.prototxt`);

describe.skipIf(!existsSync(path("alexnet"))).each(networks)(
  "$name (needs ../shared/data/prototxt)",
  ({ name, size, gradient, render }) => {
    const input = caffe("data", size);
    /** Up to the layer whose gradient is looked at, as the store keeps it. */
    const stored = () => {
      const bytes = new Uint8Array(readFileSync(path(name)));
      const prototxt = new TextDecoder().decode(bytes);
      const weights = caffemodel(seededWeights(importCaffe({ prototxt, caffemodel: null }).graph));
      const files = [
        { name: "weights.caffemodel", bytes: weights },
        { name: "deploy.prototxt", bytes },
      ];
      const model = importModel(files, { until: [gradient.of] });
      expect(model).toMatchObject({ format: "caffe", leftOut: [], missing: [] });
      const { graph, report } = quantize(model.graph);
      return { graph: readModel(writeModel(graph), name), report };
    };

    test("kept as int8, it loses little; its gradient is that of double precision; four steps raise an objective", async () => {
      const { graph, report } = stored();
      expect(report.length).toBeGreaterThan(4);
      for (const { name: weight, sqnrDb } of report) expect(sqnrDb ?? Infinity, weight).toBeGreaterThan(30);
      const side = gradient.size;
      const model = canonicalise(graph, { size: [side, side], until: [gradient.of], preprocessing: input });
      expect(await disagreement(model, gradient.of, side, 1)).toBeLessThan(TOLERANCE);
      const rendered = await fourSteps(graph, input, render.of, render.size);
      expect(rendered.scores[3]).toBeGreaterThan(rendered.scores[0]!);
      expect(shades(rendered)).toBeGreaterThan(10);
    });
  },
);
