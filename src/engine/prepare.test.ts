import { describe, expect, test } from "vitest";
import { smallGraph } from "../../test/smallGraph";
import type { Graph } from "../onnx/graph";
import type { Preprocessing } from "../onnx/preprocessing";
import { f32 } from "../onnx/tensor";
import { planObjective } from "../vis/objective/program";
import { lucid } from "../vis/recipes";
import { stepGraph } from "../vis/stepGraph";
import { prepare } from "./prepare";

const preprocessing: Preprocessing = {
  input: "data",
  layout: "NCHW",
  channels: "RGB",
  range: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  size: 224,
};

/** conv: any size. joined: halves and doubles, so the side must be even. dense: 224 pixels only. */
function network(): Graph {
  return smallGraph({
    inputs: { data: ["N", 3, "H", "W"] },
    nodes: [
      { op: "Conv", inputs: ["data", "w"], outputs: ["conv"], attrs: { kernel_shape: [1, 1] } },
      { op: "MaxPool", inputs: ["conv"], outputs: ["half"], attrs: { kernel_shape: [2, 2], strides: [2, 2] } },
      { op: "Resize", inputs: ["half", "", "twice"], outputs: ["whole"], attrs: { mode: "nearest" } },
      { op: "Add", inputs: ["conv", "whole"], outputs: ["joined"] },
      { op: "MaxPool", inputs: ["joined"], outputs: ["coarse"], attrs: { kernel_shape: [56, 56], strides: [56, 56] } },
      { op: "Flatten", inputs: ["coarse"], outputs: ["flat"] },
      { op: "MatMul", inputs: ["flat", "m"], outputs: ["dense"] },
    ],
    outputs: ["dense"],
    constants: { w: f32(1, [2, 3, 1, 1]), twice: f32([1, 1, 2, 2], [4]), m: f32(1, [32, 5]) },
  });
}

const sides = (layer: string, size: number) => {
  const recipe = { ...lucid, size };
  const model = prepare({ graph: network(), preprocessing, layers: [layer], recipe });
  const objective = planObjective({ kind: "channel", layer, channel: 0 }, 1);
  return { side: model.inputs[0]!.shape[2], zoom: stepGraph(model, { recipe, objective, redirect: false }).transforms.zoom };
};

describe("prepare", () => {
  test("a convolutional layer sees the picture at its own scale", () => {
    expect(sides("conv", 128)).toEqual({ side: 140, zoom: 1 });
    expect(sides("conv", 61)).toEqual({ side: 73, zoom: 1 });
  });

  test("one that needs divisible sides gets the next multiple of 32", () => {
    expect(sides("joined", 128)).toEqual({ side: 140, zoom: 1 });
    expect(sides("joined", 61)).toEqual({ side: 96, zoom: 96 / 73 });
  });

  test("a dense one gets the network's own size", () => expect(sides("dense", 128)).toEqual({ side: 224, zoom: 224 / 140 }));

  test("one that takes 48 x 96 only gets that, and the picture is as wide as asked for", () => {
    const graph = smallGraph({
      inputs: { data: [1, 3, 48, 96] },
      nodes: [
        { op: "Flatten", inputs: ["data"], outputs: ["flat"] },
        { op: "MatMul", inputs: ["flat", "m"], outputs: ["dense"] },
      ],
      outputs: ["dense"],
      constants: { m: f32(1, [3 * 48 * 96, 2]) },
    });
    const recipe = { ...lucid, size: 64 };
    const own = { ...preprocessing, size: [48, 96] } as const;
    const model = prepare({ graph, preprocessing: own, layers: ["dense"], recipe });
    expect(model.inputs[0]!.shape).toEqual([1, 3, 48, 96]);
    const objective = planObjective({ kind: "channel", layer: "dense", channel: 0 }, 1);
    expect(stepGraph(model, { recipe, objective, redirect: false })).toMatchObject({
      visible: [32, 64],
      transforms: { zoom: 96 / 76 },
    });
  });

  test("an unknown layer is refused with the nearest names", () =>
    expect(() => sides("denser", 128)).toThrow('Model "small" has no value "denser". The nearest names are "dense"'));
});
