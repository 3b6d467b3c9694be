/**
 * A compositional pattern-producing network (Stanley 2007; Mordvintsev et al. 2018, Lucid's param/cppn.py): a small network from a pixel's
 * place (x, y), each in -sqrt(3)..sqrt(3), to its channels. Its weights are theta, so a picture has no size of its own.
 *
 *   layer: Y = act(W X + 0), act(z) = [a / 0.67, (a^2 - 0.45) / 0.396], a = atan(z): two outputs for each unit, of about unit variance
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Parametrization } from "../recipe";
import { volume, type Extent, type Maker } from "./maker";

type Cppn = Extract<Parametrization, { kind: "cppn" }>;

/** Rows and columns of each layer's weights, the last being the one to the channels. */
function layersOf({ hidden, layers }: Cppn, { channels }: Pick<Extent, "channels">): [out: number, into: number][] {
  const inner = Array.from({ length: layers }, (_, i): [number, number] => [hidden, i === 0 ? 2 : 2 * hidden]);
  return [...inner, [channels, 2 * hidden]];
}

export const cppn: Maker<Cppn> = {
  shape: (p, extent) => [extent.batch, layersOf(p, extent).reduce((sum, layer) => sum + volume(layer), 0)],
  init: (p, extent, randoms) => {
    const [batch, each] = cppn.shape(p, extent) as [number, number];
    const theta = new Float32Array(batch * each);
    randoms.forEach((random, n) => {
      let at = n * each;
      // the last layer starts at zero: the picture starts grey, and every other layer has room to turn
      for (const [out, into] of layersOf(p, extent).slice(0, -1))
        for (let i = 0; i < out * into; i++) theta[at++] = random.normal() / Math.sqrt(into);
    });
    return theta;
  },
  emit: (b, p, theta, extent) => {
    const { size, batch, channels } = extent;
    let from = 0;
    let x: Value = b.constant(f32(places(size), [1, 2, size * size]), "places");
    const layers = layersOf(p, extent);
    layers.forEach(([out, into], i) => {
      const weights = b.reshape(b.slice(theta, [from], [from + out * into], [1]), [batch, out, into]);
      from += out * into;
      const y = b.matmul(weights, x);
      x = i + 1 < layers.length ? activation(b, y) : y;
    });
    return b.reshape(x, [batch, channels, size, size]);
  },
};

function activation(b: GraphBuilder, z: Value): Value {
  const a = b.node("Atan", [z]);
  return b.concat([b.div(a, 0.67), b.div(b.sub(b.mul(a, a), 0.45), 0.396)], 1);
}

/** x and y of every pixel [2, S * S]. */
function places(size: number): Float32Array {
  const at = (i: number): number => (size > 1 ? Math.sqrt(3) * ((2 * i) / (size - 1) - 1) : 0);
  return Float32Array.from({ length: 2 * size * size }, (_, i) =>
    i < size * size ? at(i % size) : at(Math.floor((i - size * size) / size)),
  );
}
