/** How the units of a network answer to photos, with one storage of its weights and with another. */
import type { CardLayer, ModelCard } from "../src/api/model";
import { packResponse, quantilesOf, type PackedLayer, type Response, type UnitStats } from "../src/api/stats";
import { compileExaminer } from "../src/engine/examine";
import type { Runtime } from "../src/engine/runtime";
import type { Graph, Tensor } from "../src/onnx/graph";
import { findLayer } from "../src/onnx/locate";

/** Of one layer: a row for each photo. */
export interface LayerResponses {
  layer: CardLayer;
  positions: number;
  /** [photos][C] */
  mean: Float32Array[];
  max: Float32Array[];
}

/** Mean and maximum over positions of every channel of the card's significant layers, for each photo [1, 3, H, W] at the network's own size. */
export async function responsesOf(
  runtime: Runtime,
  { graph, card, photos }: { graph: Graph; card: ModelCard; photos: readonly Tensor[] },
): Promise<LayerResponses[]> {
  const { preprocessing } = card;
  const found = card.layers.flatMap((layer) => {
    const value = layer.significant ? findLayer(graph, layer, preprocessing.input) : undefined;
    return value === undefined ? [] : [{ layer, value }];
  });
  const examiner = await compileExaminer(runtime, { graph, preprocessing, layers: found.map(({ value }) => value) });
  try {
    const { layers } = await examiner.examine(photos.map((photo) => () => photo));
    return layers.map(({ channels, grid, mean, max }, i): LayerResponses => {
      const rows = (answers: Float32Array): Float32Array[] =>
        photos.map((_, n) => answers.slice(n * channels, (n + 1) * channels));
      return { layer: found[i]!.layer, positions: grid[0] * grid[1], mean: rows(mean), max: rows(max) };
    });
  } finally {
    await examiner.dispose();
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
