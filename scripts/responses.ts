/** How the units of a network answer to photos, with one storage of its weights and with another. */
import type { CardLayer, ModelCard } from "../src/api/model";
import { packResponse, quantilesOf, type PackedLayer, type Response, type UnitStats } from "../src/api/stats";
import type { Runtime } from "../src/engine/runtime";
import { GraphBuilder } from "../src/onnx/builder";
import { activationShape, canonicalise } from "../src/onnx/canonicalise";
import type { Graph, Tensor, Value } from "../src/onnx/graph";
import { findLayer } from "../src/onnx/locate";
import { sidesOf } from "../src/onnx/preprocessing";

/** Of one layer: a row for each photo. */
export interface LayerResponses {
  layer: CardLayer;
  positions: number;
  /** [photos][C] */
  mean: Float32Array[];
  max: Float32Array[];
}

/**
 * Mean and maximum over positions of every channel of the card's significant layers, for each photo [1, 3, H, W] at the network's own size.
 * The reductions are part of the graph: activations are never read back.
 */
export async function responsesOf(
  runtime: Runtime,
  { graph, card, photos }: { graph: Graph; card: ModelCard; photos: readonly Tensor[] },
): Promise<LayerResponses[]> {
  const { preprocessing } = card;
  const found = card.layers.flatMap((layer) => {
    const value = layer.significant ? findLayer(graph, layer, preprocessing.input) : undefined;
    return value === undefined ? [] : [{ layer, value }];
  });
  const model = canonicalise(graph, {
    size: sidesOf(preprocessing),
    batch: 1,
    preprocessing,
    until: found.map(({ value }) => value),
  });
  const b = new GraphBuilder(model);
  const named = (value: Value, name: string): Value => b.node("Identity", [value], {}, { outputNames: [name] });
  const outputs: Value[] = [];
  const layers = found.map(({ layer, value }, i): LayerResponses => {
    const act = b.value(value);
    const { channels, height, width } = activationShape(act.shape)!;
    const first = act.shape.length === 3 ? b.transpose(act, [0, 2, 1]) : act; // tokens have channels last
    const flat = b.reshape(first, [channels, height * width]);
    outputs.push(named(b.reduceMean(flat, [1], false), `mean.${i}`), named(b.reduceMax(flat, [1], false), `max.${i}`));
    return { layer, positions: height * width, mean: [], max: [] };
  });
  const program = await runtime.compile(b.build("responses", outputs), { resident: [] });
  try {
    for (const image of photos) {
      const out = await program.run(
        { [model.inputs[0]!.name]: image },
        outputs.map(({ name }) => name),
      );
      for (const [i, { mean, max }] of layers.entries()) {
        mean.push((out[`mean.${i}`] as Tensor).data as Float32Array);
        max.push((out[`max.${i}`] as Tensor).data as Float32Array);
      }
    }
    return layers;
  } finally {
    await program.dispose();
  }
}

/** The statistics of a layer, from its responses with float32 and with int8 weights, photo by photo. */
export function layerStats(float32: LayerResponses, int8: LayerResponses): PackedLayer {
  const channels = float32.mean[0]!.length;
  const units = (response: Response): UnitStats[] =>
    Array.from({ length: channels }, (_, c) =>
      unitOf(
        float32[response].map((row) => row[c]!),
        int8[response].map((row) => row[c]!),
      ),
    );
  return {
    name: float32.layer.name,
    channels,
    mean: packResponse(units("mean")),
    ...(float32.positions > 1 ? { max: packResponse(units("max")) } : {}),
  };
}

/** One unit's responses to the photos, before and after. */
export function unitOf(before: readonly number[], after: readonly number[]): UnitStats {
  const [mean, meanAfter] = [average(before), average(after)];
  const variance = average(before.map((v) => (v - mean) ** 2));
  const varianceAfter = average(after.map((v) => (v - meanAfter) ** 2));
  const covariance = average(before.map((v, i) => (v - mean) * (after[i]! - meanAfter)));
  const difference = average(before.map((v, i) => Math.abs(after[i]! - v)));
  const still = variance <= 1e-12 * mean ** 2 || varianceAfter === 0;
  return {
    quantiles: quantilesOf(before),
    int8: still
      ? null
      : { correlation: covariance / Math.sqrt(variance * varianceAfter), difference: difference / Math.sqrt(variance) },
  };
}

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
