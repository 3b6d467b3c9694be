/**
 * What a method may ask of a network, for one target that has been fixed before: the engine answers in the browser and in Node, a test
 * answers with plain arithmetic. No method knows of sessions, batches or devices.
 */
import type { Tensor } from "../onnx/graph";
import type { Bitmaps } from "../vis/named";
import type { AttributionMethod, LrpComposite } from "./types";

/** Which table of rules the walk back takes. */
export type BackwardRules =
  | { kind: "gradient" }
  | { kind: "guided" }
  | { kind: "deconv" }
  /** Relevance: what comes back is no gradient, but shares of the score [N, 3, H, W]. */
  | { kind: "lrp"; composite: LrpComposite; epsilon: number; gamma: number }
  /** Multipliers between picture i of the first half of the batch and picture i of the second half, its reference. */
  | { kind: "deepLift" };

export interface Slopes {
  /** The target of every picture [N]. */
  scores: Float32Array;
  /** By every number that was fed, in its shape: pictures [N, 3, H, W], or activations. */
  gradients: Tensor;
}

export interface LayerSlopes {
  /** The target of every picture [N]. */
  scores: Float32Array;
  /** [N, C, h, w]; dense layers have a grid of one position, tokens a row. */
  activations: Tensor;
  /** The target by them, [N, C, h, w]. */
  gradients: Tensor;
}

/** Pictures are [N, 3, H, W], RGB in 0..1, any N: how many run at once is the probe's affair. All throw the signal's reason. */
export interface Probe {
  /** Of every picture it is asked about. */
  readonly size: readonly [height: number, width: number];
  /** The mean colour of the training pictures, RGB in 0..1. */
  readonly mean: readonly [r: number, g: number, b: number];
  /** How many pictures the device likes to be asked about at a time. */
  readonly batch: number;
  /** The target of every picture [N], forward only. */
  scores(pictures: Tensor): Promise<Float32Array>;
  /** The target and its gradient by the picture, or what other rules make of it. */
  gradients(pictures: Tensor, rules?: BackwardRules): Promise<Slopes>;
  /** A layer's activations and the target's gradient by them; `layer` as a CamMethod names it. */
  layer(pictures: Tensor, layer?: string): Promise<LayerSlopes>;
  /**
   * The target of every activation [N, C, h, w] of a layer put in the place of the network's own: where nothing passes the layer by, the later
   * half of the network alone; what does comes from `picture` [1, 3, H, W].
   */
  scoresFrom(activations: Tensor, picture: Tensor, layer?: string): Promise<Float32Array>;
  /** The same with the target's gradient by the activations [N, C, h, w]. */
  slopesFrom(activations: Tensor, picture: Tensor, layer?: string): Promise<Slopes>;
}

export interface MethodContext {
  probe: Probe;
  /** The picture [1, 3, H, W]. */
  picture: Tensor;
  /** Pictures that the method names. */
  pictures: Bitmaps;
  /** Asked before every piece of work: throws the signal's reason. */
  signal?: AbortSignal;
  /** Pieces of work: points of a path, masks, noisy pictures. `done` never falls and ends at `of`. */
  onProgress?: (done: number, of: number) => void;
}

export interface MethodResult {
  /** [3, H, W], or [H, W] where colours have no part in it. */
  map: Tensor;
  /** The target of the picture. */
  score: number;
  /** What the map's sum should come to, where the method says so: the score less the baseline's. */
  complete: number | null;
}

/** A method with its options: what is left out it fills in itself. */
export type Method<M extends AttributionMethod> = (context: MethodContext, options: M) => Promise<MethodResult>;

/** One method for each name of a union, exhaustive by type. */
export type Methods<M extends AttributionMethod> = { readonly [K in M["name"]]: Method<Extract<M, { name: K }>> };
