/**
 * AlexNet (Krizhevsky et al. 2012) as bvlcalexnet-12.onnx has it, and VGG 19 (Simonyan and Zisserman 2014) as vgg19-7.onnx has it:
 * a few convolutions, then dense layers that hold nearly all the weights.
 */
import type { Graph } from "../../src/onnx/graph";
import { caffe, preprocessing, type Architecture } from "./architecture";
import { Net } from "./net";

/** Written by Caffe2: a value's version is appended to its name, ReLU and Dropout work in place. */
function bvlcAlexNet(): Graph {
  const net = new Net("bvlcalexnet", 12, { name: "data_0", shape: [1, 3, 224, 224] });
  const conv = (
    x: string,
    name: string,
    to: number,
    kernel: number,
    more: { stride?: number; pad?: number; group?: number } = {},
  ) => net.relu(net.conv(x, `${name}_1`, { to, kernel, weight: `${name}_w_0`, bias: `${name}_b_0`, ...more }), `${name}_2`);
  const lrn = (x: string, name: string) => net.node("LRN", [x], `${name}_1`, { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 });
  const pool = (x: string, name: string, pad: readonly number[]) => net.pool("MaxPool", x, `${name}_1`, 3, 2, pad);
  const dense = (x: string, name: string, from: number, to: number) =>
    net.dense(x, `${name}_1`, from, to, `${name}_w_0`, `${name}_b_0`);

  let x = pool(lrn(conv("data_0", "conv1", 96, 11, { stride: 4 }), "norm1"), "pool1", [0, 0, 1, 1]);
  x = pool(lrn(conv(x, "conv2", 256, 5, { pad: 2, group: 2 }), "norm2"), "pool2", [0, 0, 0, 0]);
  x = conv(conv(x, "conv3", 384, 3, { pad: 1 }), "conv4", 384, 3, { pad: 1, group: 2 });
  x = pool(conv(x, "conv5", 256, 3, { pad: 1, group: 2 }), "pool5", [0, 0, 0, 0]);
  x = net.node("Reshape", [x, net.ints([1, 9216])], "OC2_DUMMY_0");
  for (const [name, from] of [
    ["fc6", 9216],
    ["fc7", 4096],
  ] as const) {
    // prettier-ignore
    x = net.relu(dense(x, name, from, 4096), `${name}_2`);
    x = net.outputs("Dropout", [x], [`${name}_3`, `_${name}_mask_1`])[0]!;
  }
  return net.build(net.node("Softmax", [dense(x, "fc8", 4096, 1000)], "prob_1", { axis: 1 }));
}

export const alexnet: Architecture = {
  id: "alexnet",
  build: bvlcAlexNet,
  preprocessing: caffe("data_0", 224),
  fileBytes: 243_863_787,
  blocks: {
    conv1_2: [96, 54, 54],
    norm1_1: [96, 54, 54],
    pool1_1: [96, 27, 27],
    conv2_2: [256, 27, 27],
    conv3_2: [384, 13, 13],
    conv4_2: [384, 13, 13],
    conv5_2: [256, 13, 13],
    pool5_1: [256, 6, 6],
    fc6_2: [4096],
    fc7_2: [4096],
    fc8_1: [1000],
    prob_1: [1000],
  },
  gradient: { of: "conv5_2", size: 75 },
  render: { of: "conv5_2", size: 96 },
};

const VGG_STAGES = [[64, 2], [128, 2], [256, 4], [512, 4], [512, 4]] as const; // prettier-ignore

/** Written by MXNet's exporter. */
function vgg19(): Graph {
  const net = new Net("vgg19", 7, { name: "data", shape: [1, 3, 224, 224] });
  let x = "data";
  let i = 0;
  VGG_STAGES.forEach(([to, depth], stage) => {
    for (let k = 0; k < depth; k++, i++) {
      const name = `vgg0_conv${i}`;
      const names = { weight: `${name}_weight`, bias: `${name}_bias` };
      x = net.relu(net.conv(x, `${name}_fwd`, { to, kernel: 3, pad: 1, ...names }), `vgg0_relu${i}_fwd`);
    }
    x = net.pool("MaxPool", x, `vgg0_pool${stage}_fwd`, 2, 2);
  });
  [25088, 4096].forEach((from, k) => {
    x = net.node("Flatten", [x], `flatten_${60 + 5 * k}`);
    x = net.dense(x, `vgg0_dense${k}_fwd`, from, 4096, `vgg0_dense${k}_weight`, `vgg0_dense${k}_bias`);
    x = net.outputs("Dropout", [net.relu(x, `vgg0_dense${k}_relu_fwd`)], [`vgg0_dropout${k}_fwd`], { ratio: 0.5 })[0]!;
  });
  x = net.node("Flatten", [x], "flatten_70");
  return net.build(net.dense(x, "vgg0_dense2_fwd", 4096, 1000, "vgg0_dense2_weight", "vgg0_dense2_bias"));
}

export const vgg: Architecture = {
  id: "vgg19_caffe",
  build: vgg19,
  preprocessing: preprocessing("data", 224, { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }),
  fileBytes: 574_677_321,
  blocks: {
    vgg0_relu1_fwd: [64, 224, 224],
    vgg0_pool0_fwd: [64, 112, 112],
    vgg0_relu3_fwd: [128, 112, 112],
    vgg0_relu7_fwd: [256, 56, 56],
    vgg0_relu11_fwd: [512, 28, 28],
    vgg0_relu15_fwd: [512, 14, 14],
    vgg0_pool4_fwd: [512, 7, 7],
    vgg0_dense0_relu_fwd: [4096],
    vgg0_dense2_fwd: [1000],
  },
  gradient: { of: "vgg0_relu15_fwd", size: 32 },
  render: { of: "vgg0_relu11_fwd", size: 48 },
};
