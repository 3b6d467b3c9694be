/**
 * GoogLeNet in TF.js, from the same file: the outside oracle of our gradients (test/tfjs.test.ts) and our peer in the bench.
 *
 * Written in TF.js's own terms (NHWC, its own local response normalisation, padding "same" where it is the same), so that it runs as
 * fast as TF.js can. It interprets the operators of this one network and refuses others by name.
 */
import type * as Tf from "@tensorflow/tfjs";
import { OpError, type Graph, type Node } from "../src/onnx/graph";
import type { Preprocessing } from "../src/onnx/preprocessing";

export interface TfjsNetwork {
  /** image [1, 3, H, W], RGB in 0..1 -> the layer, [1, C, h, w]. */
  forward(image: Tf.Tensor4D): Tf.Tensor4D;
  /** (d layer / d image)' cotangent, [1, 3, H, W]. */
  gradient(image: Tf.Tensor4D, cotangent: Tf.Tensor4D): Tf.Tensor4D;
  dispose(): void;
}

const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];

/** Uploads the weights that `layer` needs to the current backend. `tf` is any instance of TF.js. */
export function tfjsNetwork(tf: typeof Tf, graph: Graph, layer: string, preprocessing: Preprocessing): TfjsNetwork {
  const nodes = neededFor(graph, layer);
  const weights = new Map<string, Tf.Tensor>();
  for (const node of nodes)
    for (const name of node.inputs) {
      const tensor = graph.constants.get(name);
      if (!tensor || weights.has(name)) continue;
      const uploaded = tf.tensor(tensor.data as Float32Array, [...tensor.shape]);
      // ONNX [M, C, kh, kw] -> TF.js [kh, kw, C, M]
      weights.set(name, tensor.shape.length === 4 ? tf.tidy(() => tf.transpose(uploaded, [2, 3, 1, 0])) : uploaded);
    }

  const run = (image: Tf.Tensor4D): Tf.Tensor4D => {
    const values = new Map<string, Tf.Tensor>([[preprocessing.input, preprocess(tf, image, preprocessing)]]);
    for (const node of nodes) {
      const read = (i: number) => (values.get(node.inputs[i]!) ?? weights.get(node.inputs[i]!)) as Tf.Tensor4D;
      values.set(node.outputs[0]!, emit(tf, node, read));
    }
    return tf.transpose(values.get(layer) as Tf.Tensor4D, TO_NCHW);
  };
  const gradient = tf.grad((x: Tf.Tensor) => run(x as Tf.Tensor4D));
  return {
    forward: (image) => tf.tidy(() => run(image)),
    gradient: (image, cotangent) => tf.tidy(() => gradient(image, cotangent) as Tf.Tensor4D),
    dispose: () => weights.forEach((w) => w.dispose()),
  };
}

function neededFor(graph: Graph, layer: string): Node[] {
  const needed = new Set([layer]);
  const kept = graph.nodes.toReversed().filter((node) => {
    if (!needed.has(node.outputs[0]!)) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  return kept.reverse();
}

function preprocess(tf: typeof Tf, image: Tf.Tensor4D, { channels, range, mean, std }: Preprocessing): Tf.Tensor4D {
  const scaled = tf.mul(tf.transpose(image, TO_NHWC), range);
  const ordered = channels === "BGR" ? tf.reverse(scaled, 3) : scaled;
  return tf.div(tf.sub(ordered, mean), std) as Tf.Tensor4D;
}

function emit(tf: typeof Tf, node: Node, read: (i: number) => Tf.Tensor4D): Tf.Tensor {
  const { attrs } = node;
  const strides = (attrs.strides ?? [1, 1]) as [number, number];
  switch (node.op) {
    case "Conv": {
      const y = tf.conv2d(read(0), read(1), strides, padding(node, read(0).shape));
      return node.inputs[2] ? tf.add(y, read(2)) : y;
    }
    case "Relu":
      return tf.relu(read(0));
    case "MaxPool":
      return tf.maxPool(read(0), attrs.kernel_shape as [number, number], strides, padding(node, read(0).shape));
    case "LRN": {
      const size = attrs.size as number; // TF.js does not divide alpha by the number of channels summed, ONNX does
      return tf.localResponseNormalization(
        read(0),
        (size - 1) / 2,
        (attrs.bias as number | undefined) ?? 1,
        (attrs.alpha as number) / size,
        attrs.beta as number,
      );
    }
    case "Concat":
      return tf.concat(node.inputs.map((_, i) => read(i)), 3); // prettier-ignore
    default:
      throw new OpError(node, "the TF.js side of the bench does not know this operator.");
  }
}

/** "same" where it means the same, for its faster kernels; else TF.js's explicit padding, ceil_mode's overhang included. */
function padding(
  { attrs }: Node,
  [, height, width]: number[],
): "same" | "valid" | [[number, number], [number, number], [number, number], [number, number]] {
  const kernel = attrs.kernel_shape as readonly number[];
  const strides = (attrs.strides ?? [1, 1]) as readonly number[];
  const pads = (attrs.pads ?? [0, 0, 0, 0]) as readonly number[];
  const axes = [height!, width!].map((size, i) => {
    const [before, declared] = [pads[i]!, pads[i + 2]!];
    const room = size + before + declared - kernel[i]!;
    const last = attrs.ceil_mode ? Math.ceil(room / strides[i]!) : Math.floor(room / strides[i]!);
    const after = attrs.ceil_mode ? Math.max(declared, last * strides[i]! + kernel[i]! - size - before) : declared;
    const total = Math.max(0, (Math.ceil(size / strides[i]!) - 1) * strides[i]! + kernel[i]! - size);
    return { before, after, same: before === Math.floor(total / 2) && after === Math.ceil(total / 2) };
  });
  if (axes.every((a) => a.same)) return "same";
  const [rows, columns] = axes.map((a): [number, number] => [a.before, a.after]);
  return [[0, 0], rows!, columns!, [0, 0]];
}
