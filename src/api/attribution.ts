/** Attribution across the worker boundary: what is asked of the engine, and what comes back. Types only. */
import type { Group } from "../attribution/inside/groups";
import type { AttributionMethod, AttributionTarget } from "../attribution/types";
import type { DeviceChoice, DeviceInfo, NamedPictures, Picture } from "./engine";
import type { ModelCard } from "./model";

export type { Group } from "../attribution/inside/groups";
export type { AttributionMethod, AttributionTarget, Baseline, LrpComposite, MethodName } from "../attribution/types";

export interface AttributionRequest {
  /** SHA-256 of the stored file. */
  weights: string;
  card: ModelCard;
  /** Of any size: the largest centre part of the network's shape is taken, and the map is of the network's size. */
  picture: Picture;
  /** Left out: the class that the network answers most strongly. */
  target?: AttributionTarget;
  method: AttributionMethod;
  /** Pictures that the method names. */
  pictures?: NamedPictures;
  device: DeviceChoice;
}

export type PredictRequest = Omit<AttributionRequest, "target" | "method" | "pictures"> & { count: number };

/** One class that a network answers. */
export interface Prediction {
  /** Its number: the model's label of that number names it. */
  class: number;
  /** Before any softmax; of a detector's map, where it is highest. */
  score: number;
  /** Softmax over all classes; null for a detector, whose classes do not compete. */
  share: number | null;
  /** Position on a detector's map, columns and rows from the top left. */
  at: { x: number; y: number } | null;
}

/** How much every pixel counts: row-major, float32. */
export interface AttributionMap {
  /** [3, H, W] by colour, or [H, W]. */
  shape: readonly number[];
  data: Float32Array<ArrayBuffer>;
}

export interface Attribution {
  map: AttributionMap;
  /** The target in the graph's own names, with the class and the position that were looked up. */
  target: AttributionTarget;
  /** What the network makes of the picture. */
  score: number;
  /**
   * For methods whose map should sum to the score less the baseline's (for LRP: to the score): by how much it does not, as a share of that
   * difference. 0.01 is one per cent. Null for the others.
   */
  completenessGap: number | null;
  /** Of the method alone: the model was loaded and compiled before. */
  ms: number;
  device: DeviceInfo;
}

export interface LayerAttributionRequest extends Omit<AttributionRequest, "method" | "pictures"> {
  /** By any of its names; it must come before the target. Left out: the last one with the coarsest grid of more than one position. */
  layer?: string;
  /** 1: gradient times activation, as in "The Building Blocks of Interpretability". More: integrated from zero activations in so many points. */
  points?: number;
}

/** How much every position and every channel of a hidden layer counts (Olah et al. 2018). */
export interface LayerAttribution {
  layer: string;
  grid: readonly [height: number, width: number];
  /** Row-major [height, width]: summed over channels. */
  positions: Float32Array<ArrayBuffer>;
  /** [C]: summed over positions. */
  channels: Float32Array<ArrayBuffer>;
  /** [C, height, width], to look closer. */
  activations: Float32Array<ArrayBuffer>;
  /** [C, height, width]: both sums are of this. */
  values: Float32Array<ArrayBuffer>;
  target: AttributionTarget;
  score: number;
  /** The target when the layer is silent: biases, and what passes the layer by. */
  silent: number;
  /** The values' sum against the score less that of a silent layer, as a share of it. */
  completenessGap: number;
  ms: number;
  device: DeviceInfo;
}

export interface NeuronGroupsRequest extends LayerAttributionRequest {
  /** Groups (6). */
  count?: number;
  /** Of the factorisation's start (1). */
  seed?: number;
}

/** A layer's units as a few groups that fire together on this picture (Olah et al. 2018). */
export interface NeuronGroups extends Pick<LayerAttribution, "layer" | "grid" | "target" | "score" | "silent" | "ms" | "device"> {
  /** The one that fires most first; its channels are [C], its positions row-major [height, width]. */
  groups: Group[];
  /** What the layer adds that no group has in it. */
  rest: number;
  /** Share of the activations' length that the groups do not have. */
  error: number;
}
