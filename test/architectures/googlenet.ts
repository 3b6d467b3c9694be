/** GoogLeNet = Inception v1 (Szegedy et al. 2014) as googlenet-12.onnx has it, written by Caffe2. */
import type { Graph } from "../../src/onnx/graph";
import { caffe, type Architecture } from "./architecture";
import { Net } from "./net";

/** Output channels of a module: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection (the paper's table 1). */
const MODULES = {
  "3a": [64, 96, 128, 16, 32, 32],
  "3b": [128, 128, 192, 32, 96, 64],
  "4a": [192, 96, 208, 16, 48, 64],
  "4b": [160, 112, 224, 24, 64, 64],
  "4c": [128, 128, 256, 24, 64, 64],
  "4d": [112, 144, 288, 32, 64, 64],
  "4e": [256, 160, 320, 32, 128, 128],
  "5a": [256, 160, 320, 32, 128, 128],
  "5b": [384, 192, 384, 48, 128, 128],
} as const;

function build(): Graph {
  const net = new Net("googlenet", 12, { name: "data_0", shape: [1, 3, 224, 224] });
  const conv = (x: string, name: string, to: number, kernel: number, stride = 1) => {
    const names = { weight: `${name}_w_0`, bias: `${name}_b_0` };
    return net.relu(net.conv(x, `${name}_1`, { to, kernel, stride, pad: (kernel - 1) / 2, ...names }), `${name}_2`);
  };
  const halve = (x: string, name: string) => net.pool("MaxPool", x, `${name}_1`, 3, 2, [0, 0, 1, 1]);
  const lrn = (x: string, name: string) => net.node("LRN", [x], `${name}_1`, { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 });

  let x = lrn(halve(conv("data_0", "conv1/7x7_s2", 64, 7, 2), "pool1/3x3_s2"), "pool1/norm1");
  x = conv(conv(x, "conv2/3x3_reduce", 64, 1), "conv2/3x3", 192, 3);
  x = halve(lrn(x, "conv2/norm2"), "pool2/3x3_s2");
  for (const [id, [one, reduce3, three, reduce5, five, projection]] of Object.entries(MODULES)) {
    const at = `inception_${id}`;
    if (id === "4a") x = halve(x, "pool3/3x3_s2");
    if (id === "5a") x = halve(x, "pool4/3x3_s2");
    const branches = [
      conv(x, `${at}/1x1`, one, 1),
      conv(conv(x, `${at}/3x3_reduce`, reduce3, 1), `${at}/3x3`, three, 3),
      conv(conv(x, `${at}/5x5_reduce`, reduce5, 1), `${at}/5x5`, five, 5),
      conv(net.pool("MaxPool", x, `${at}/pool_1`, 3, 1, 1), `${at}/pool_proj`, projection, 1),
    ];
    x = net.concat(branches, `${at}/output_1`);
  }
  x = net.pool("AveragePool", x, "pool5/7x7_s1_1", 7, 1);
  x = net.outputs("Dropout", [x], ["pool5/7x7_s1_2", "_pool5/7x7_s1_mask_1"])[0]!;
  x = net.node("Reshape", [x, net.ints([1, 1024])], "OC2_DUMMY_0");
  x = net.dense(x, "loss3/classifier_1", 1024, 1000, "loss3/classifier_w_0", "loss3/classifier_b_0");
  return net.build(net.node("Softmax", [x], "prob_1", { axis: 1 }));
}

export const googlenet: Architecture = {
  id: "inceptionv1",
  build,
  preprocessing: caffe("data_0", 224),
  fileBytes: 28_021_836,
  blocks: {
    "conv1/7x7_s2_2": [64, 112, 112],
    "conv2/3x3_reduce_2": [64, 56, 56],
    "conv2/3x3_2": [192, 56, 56],
    "inception_3a/output_1": [256, 28, 28],
    "inception_3b/output_1": [480, 28, 28],
    "inception_4a/output_1": [512, 14, 14],
    "inception_4b/output_1": [512, 14, 14],
    "inception_4c/output_1": [512, 14, 14],
    "inception_4d/output_1": [528, 14, 14],
    "inception_4e/output_1": [832, 14, 14],
    "inception_5a/output_1": [832, 7, 7],
    "inception_5b/output_1": [1024, 7, 7],
    prob_1: [1000],
  },
  gradient: { of: "inception_5b/output_1", size: 75 },
  render: { of: "inception_5b/output_1", size: 96 },
};
