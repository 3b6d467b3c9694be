/**
 * Small networks of the families that readers bring: few channels and blocks, but each family's own structure as exporters write it,
 * sizes computed from Shape included. Opsets differ on purpose.
 */
import type { Graph } from "../../src/onnx/graph";
import { f32 } from "../../src/onnx/tensor";
import { Net } from "./net";

export interface Family {
  name: string;
  build: () => Graph;
  /** Side of the picture. */
  size: number;
  /** Shape of the output without the batch. */
  output: readonly number[];
}

const net = (name: string, opset = 17) => new Net(name, opset, { name: "image", shape: ["N", 3, "H", "W"] });

/** A graph with names made up as it goes along: "relu7". */
class Writer {
  #count = 0;
  constructor(readonly net: Net) {}

  name(op: string): string {
    return `${op.toLowerCase()}${this.#count++}`;
  }
  op(op: string, inputs: readonly string[], attrs = {}, channels?: number): string {
    return this.net.node(op, inputs, this.name(op), attrs, channels);
  }
  conv(x: string, to: number, kernel = 1, more: Partial<Parameters<Net["conv"]>[2]> = {}): string {
    return this.net.conv(x, this.name("conv"), { to, kernel, pad: Math.floor(kernel / 2), ...more });
  }
  norm(x: string): string {
    const name = this.name("norm");
    return this.net.norm(x, name, name);
  }
  relu = (x: string): string => this.op("Relu", [x]);
  /** [.., from] -> [.., to], as a Linear layer over more than two axes is exported. */
  linear(x: string, from: number, to: number): string {
    const name = this.name("linear");
    const product = this.op("MatMul", [x, this.net.random(`${name}.weight`, [from, to], 1 / from)]);
    return this.op("Add", [this.net.random(`${name}.bias`, [to], 0.01), product], {}, to);
  }
  /** One size of a value, as a scalar or as a list of one. */
  sizeOf(x: string, axis: number): string {
    const picked = this.op("Gather", [this.op("Shape", [x]), this.net.ints(axis)], { axis: 0 });
    return this.op("Unsqueeze", [picked, this.net.ints([0])]);
  }
  /** Reshape to sizes that are numbers, or values made by `sizeOf`. */
  reshape(x: string, sizes: readonly (number | string)[], channels?: number): string {
    const parts = sizes.map((size) => (typeof size === "string" ? size : this.net.ints([size])));
    return this.op("Reshape", [x, this.op("Concat", parts, { axis: 0 })], {}, channels);
  }
  vector(name: string, length: number, mean = 0): string {
    return this.net.random(name, [length], 0.02, mean);
  }
  /** Erf's form of Gelu, as PyTorch exports it. */
  gelu(x: string): string {
    const erf = this.op("Erf", [this.op("Div", [x, this.net.scalar(Math.SQRT2)])]);
    return this.op("Mul", [this.op("Mul", [x, this.op("Add", [erf, this.net.scalar(1)])]), this.net.scalar(0.5)]);
  }
  /** LayerNormalization over the last axis, as PyTorch wrote it before opset 17. */
  decomposedLayerNorm(x: string, width: number): string {
    const name = this.name("ln");
    const centred = this.op("Sub", [x, this.op("ReduceMean", [x], { axes: [-1], keepdims: 1 })]);
    const square = this.op("Pow", [centred, this.net.scalar(2)]);
    const deviation = this.op("Sqrt", [this.op("Add", [this.op("ReduceMean", [square], { axes: [-1], keepdims: 1 }), this.net.scalar(1e-5)])]); // prettier-ignore
    const scaled = this.op("Mul", [this.op("Div", [centred, deviation]), this.vector(`${name}.weight`, width, 1)]);
    return this.op("Add", [scaled, this.vector(`${name}.bias`, width)]);
  }
  layerNorm(x: string, width: number): string {
    const name = this.name("ln");
    const inputs = [x, this.vector(`${name}.weight`, width, 1), this.vector(`${name}.bias`, width)];
    return this.op("LayerNormalization", inputs, { axis: -1, epsilon: 1e-6 });
  }
  classify(x: string, classes: number): Graph {
    const flat = this.op("Flatten", [this.op("GlobalAveragePool", [x])], { axis: 1 });
    return this.net.build(this.net.dense(flat, "logits", this.net.channels(x), classes));
  }
}

const write = (name: string, opset?: number) => new Writer(net(name, opset));

function resnetV1(): Graph {
  const w = write("resnet", 13);
  let x = w.relu(w.norm(w.conv("image", 8, 7, { stride: 2 })));
  x = w.net.pool("MaxPool", x, "stem", 3, 2, 1);
  const basic = w.norm(w.conv(w.relu(w.norm(w.conv(x, 8, 3))), 8, 3));
  x = w.relu(w.op("Add", [basic, x]));
  const bottleneck = w.norm(w.conv(w.relu(w.norm(w.conv(w.relu(w.norm(w.conv(x, 4))), 4, 3, { stride: 2 }))), 16));
  return w.classify(w.relu(w.op("Add", [bottleneck, w.norm(w.conv(x, 16, 1, { stride: 2 }))])), 5);
}

function densenet(): Graph {
  const w = write("densenet", 9);
  const parts = [w.conv("image", 8, 3, { stride: 2 })];
  for (let i = 0; i < 3; i++) {
    const x = parts.length > 1 ? w.net.concat([...parts], w.name("concat")) : parts[0]!;
    parts.push(w.conv(w.relu(w.norm(w.conv(w.relu(w.norm(x)), 12))), 4, 3));
  }
  const joined = w.net.concat([...parts], "joined");
  return w.classify(w.relu(w.norm(w.net.pool("AveragePool", w.conv(w.relu(w.norm(joined)), 8), "transition", 2, 2))), 5);
}

/** Depthwise separable convolutions; Clip's bounds are attributes in opset 10. */
function mobilenetV1(): Graph {
  const w = write("mobilenetv1", 10);
  const relu6 = (x: string) => w.op("Clip", [x], { min: 0, max: 6 });
  let x = relu6(w.norm(w.conv("image", 8, 3, { stride: 2 })));
  for (const [to, stride] of [
    [12, 1],
    [16, 2],
  ] as const) {
    // prettier-ignore
    const from = w.net.channels(x);
    x = relu6(w.norm(w.conv(relu6(w.norm(w.conv(x, from, 3, { group: from, stride }))), to)));
  }
  return w.classify(x, 5);
}

/** An inverted residual with squeeze and excitation; `act` after the wide convolutions, `gate` on the excitation. */
function inverted(w: Writer, x: string, act: (x: string) => string, gate: (x: string) => string): string {
  const [from, wide] = [w.net.channels(x), 24];
  const deep = act(w.norm(w.conv(act(w.norm(w.conv(x, wide))), wide, 5, { group: wide })));
  const squeezed = w.relu(w.conv(w.op("ReduceMean", [deep], { axes: [2, 3], keepdims: 1 }), 6));
  const excited = w.op("Mul", [deep, gate(w.conv(squeezed, wide))]);
  return w.op("Add", [w.norm(w.conv(excited, from)), x]);
}

function mobilenetV3(): Graph {
  const w = write("mobilenetv3", 14);
  const swish = (x: string) => w.op("HardSwish", [x]);
  const gate = (x: string) => w.op("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 });
  return w.classify(swish(w.conv(inverted(w, swish(w.norm(w.conv("image", 8, 3, { stride: 2 }))), swish, gate), 16)), 5);
}

function efficientnet(): Graph {
  const w = write("efficientnet", 13);
  const sigmoid = (x: string) => w.op("Sigmoid", [x]);
  const swish = (x: string) => w.op("Mul", [x, sigmoid(x)]);
  return w.classify(
    swish(w.norm(w.conv(inverted(w, swish(w.norm(w.conv("image", 8, 3, { stride: 2 }))), swish, sigmoid), 16))),
    5,
  );
}

/** Half of the channels pass, the others are convolved, and both are shuffled: reshape, transpose, reshape. */
function shufflenet(): Graph {
  const w = write("shufflenet", 13);
  const x = w.relu(w.norm(w.conv("image", 16, 3, { stride: 2 })));
  const halves = w.net.outputs("Split", [x], ["left", "right"], { axis: 1 });
  w.net.node("Identity", [halves[1]!], "right_half", {}, 8);
  const deep = w.relu(w.norm(w.conv(w.norm(w.conv(w.relu(w.norm(w.conv("right_half", 8))), 8, 3, { group: 8 })), 8)));
  const joined = w.op("Concat", [halves[0]!, deep], { axis: 1 }, 16);
  const [n, height, width] = [w.sizeOf(joined, 0), w.sizeOf(joined, 2), w.sizeOf(joined, 3)];
  const turned = w.op("Transpose", [w.reshape(joined, [n, 2, 8, height, width])], { perm: [0, 2, 1, 3, 4] });
  return w.classify(w.relu(w.conv(w.reshape(turned, [n, 16, height, width], 16), 12)), 5);
}

function convnext(): Graph {
  const w = write("convnext", 17);
  const x = w.conv("image", 12, 4, { stride: 4, pad: 0 });
  const deep = w.op("Transpose", [w.conv(x, 12, 7, { group: 12, gain: 1 })], { perm: [0, 2, 3, 1] });
  const mixed = w.linear(w.gelu(w.linear(w.layerNorm(deep, 12), 12, 24)), 24, 12);
  const scaled = w.op("Mul", [w.vector("gamma", 12, 0.5), mixed]);
  return w.classify(w.op("Add", [w.op("Transpose", [scaled], { perm: [0, 3, 1, 2] }, 12), x], {}, 12), 5);
}

const WIDTH = 16;
const HEADS = 2;

/** A picture in patches of 8 pixels, a class token in front, and where each of them lies: [N, 1 + patches, WIDTH]. */
function tokens(w: Writer, size: number): string {
  const patches = w.conv("image", WIDTH, 8, { stride: 8, pad: 0, gain: 1 });
  const n = w.sizeOf(patches, 0);
  const flat = w.op("Transpose", [w.reshape(patches, [n, WIDTH, -1])], { perm: [0, 2, 1] });
  const token = w.net.random("class_token", [1, 1, WIDTH], 0.5);
  const tokenShape = w.op("Concat", [n, w.net.ints([-1]), w.net.ints([-1])], { axis: 0 });
  const wanted = w.op("Where", [w.op("Equal", [tokenShape, w.net.ints([-1, -1, -1])]), w.net.ints([1, 1, WIDTH]), tokenShape]);
  const joined = w.op("Concat", [w.op("Expand", [token, wanted]), flat], { axis: 1 });
  return w.op("Add", [joined, w.net.random("position", [1, 1 + (size / 8) ** 2, WIDTH], 0.1)]);
}

function vit(size: number): Graph {
  const w = write("vit", 14);
  let x = tokens(w, size);
  const [n, length] = [w.sizeOf(x, 0), w.sizeOf(x, 1)];
  const qkv = w.reshape(w.linear(w.decomposedLayerNorm(x, WIDTH), WIDTH, 3 * WIDTH), [n, length, 3, HEADS, WIDTH / HEADS]);
  const turned = w.op("Transpose", [qkv], { perm: [2, 0, 3, 1, 4] });
  const [q, k, v] = [0, 1, 2].map((i) => w.op("Gather", [turned, w.net.ints(i)], { axis: 0 })) as [string, string, string];
  const scores = w.op("Mul", [w.op("MatMul", [q, w.op("Transpose", [k], { perm: [0, 1, 3, 2] })]), w.net.scalar((WIDTH / HEADS) ** -0.5)]); // prettier-ignore
  const mixed = w.op("MatMul", [w.op("Softmax", [scores], { axis: -1 }), v]);
  const heads = w.reshape(w.op("Transpose", [mixed], { perm: [0, 2, 1, 3] }), [n, length, WIDTH]);
  x = w.op("Add", [x, w.linear(heads, WIDTH, WIDTH)]);
  x = w.op("Add", [x, w.linear(w.gelu(w.linear(w.decomposedLayerNorm(x, WIDTH), WIDTH, 32)), 32, WIDTH)]);
  const first = w.op("Gather", [w.decomposedLayerNorm(x, WIDTH), w.net.ints(0)], { axis: 1 }, WIDTH);
  return w.net.build(w.net.dense(first, "logits", WIDTH, 5));
}

/** CLIP's image tower: a norm in front, attention by Einsum over a Split, x * sigmoid(1.702 x). */
function clip(size: number): Graph {
  const w = write("clip", 17);
  let x = w.layerNorm(tokens(w, size), WIDTH);
  const parts = w.net.outputs("Split", [w.linear(w.layerNorm(x, WIDTH), WIDTH, 3 * WIDTH), w.net.ints([WIDTH, WIDTH, WIDTH])], ["q", "k", "v"], { axis: -1 }); // prettier-ignore
  const [n, length] = [w.sizeOf(x, 0), w.sizeOf(x, 1)];
  const [q, k, v] = parts.map((part) => w.reshape(part, [n, length, HEADS, WIDTH / HEADS])) as [string, string, string];
  const scores = w.op("Einsum", [q, k], { equation: "nqhd,nkhd->nhqk" });
  const attention = w.op("Softmax", [w.op("Div", [scores, w.net.scalar(Math.sqrt(WIDTH / HEADS))])], { axis: -1 });
  const mixed = w.reshape(w.op("Einsum", [attention, v], { equation: "nhqk,nkhd->nqhd" }), [n, length, WIDTH]);
  x = w.op("Add", [x, w.linear(mixed, WIDTH, WIDTH)]);
  const wide = w.linear(w.layerNorm(x, WIDTH), WIDTH, 32);
  const quick = w.op("Mul", [wide, w.op("Sigmoid", [w.op("Mul", [wide, w.net.scalar(1.702)])])]);
  x = w.op("Add", [x, w.linear(quick, 32, WIDTH)]);
  const first = w.op("Slice", [x, w.net.ints([0]), w.net.ints([1]), w.net.ints([1])]);
  const pooled = w.op("Squeeze", [w.layerNorm(first, WIDTH), w.net.ints([1])]);
  const embedding = w.op("MatMul", [pooled, w.net.random("projection", [WIDTH, 6], 0.1)]);
  const length2 = w.op("ReduceL2", [embedding], { axes: [-1], keepdims: 1 });
  return w.net.build(w.net.node("Div", [embedding, length2], "embedding", {}, 6));
}

function unet(): Graph {
  const w = write("unet", 13);
  const twice = (x: string, to: number) => w.relu(w.norm(w.conv(w.relu(w.norm(w.conv(x, to, 3))), to, 3)));
  const top = twice("image", 6);
  const middle = twice(w.net.pool("MaxPool", top, "down1", 2, 2), 8);
  const bottom = twice(w.net.pool("MaxPool", middle, "down2", 2, 2), 12);
  const weights = [w.net.random("up.weight", [12, 8, 2, 2], 0.1), w.net.random("up.bias", [8], 0.01)];
  const up = w.op("ConvTranspose", [bottom, ...weights], { kernel_shape: [2, 2], strides: [2, 2] }, 8);
  const second = twice(w.op("Concat", [up, middle], { axis: 1 }, 16), 8);
  const scales = w.net.constant("scales", f32([1, 1, 2, 2], [4]));
  const resized = w.op("Resize", [second, "", scales], { mode: "linear", coordinate_transformation_mode: "half_pixel" }, 8);
  const last = twice(w.op("Concat", [resized, top], { axis: 1 }, 14), 6);
  return w.net.build(w.net.node("Sigmoid", [w.conv(last, 2)], "mask", {}, 2));
}

export const families: readonly Family[] = [
  { name: "ResNet v1: basic and bottleneck blocks", build: resnetV1, size: 48, output: [5] },
  { name: "DenseNet", build: densenet, size: 32, output: [5] },
  { name: "MobileNet v1", build: mobilenetV1, size: 32, output: [5] },
  { name: "MobileNet v3: squeeze and excitation, hard swish", build: mobilenetV3, size: 32, output: [5] },
  { name: "EfficientNet: swish", build: efficientnet, size: 32, output: [5] },
  { name: "ShuffleNet", build: shufflenet, size: 32, output: [5] },
  { name: "ConvNeXt: LayerNormalization, Gelu", build: convnext, size: 32, output: [5] },
  { name: "ViT and DeiT: decomposed norms, Gather", build: () => vit(32), size: 32, output: [5] },
  { name: "CLIP's image tower: Split, Einsum", build: () => clip(32), size: 32, output: [6] },
  { name: "U-Net: ConvTranspose, Resize", build: unet, size: 32, output: [2, 32, 32] },
];
