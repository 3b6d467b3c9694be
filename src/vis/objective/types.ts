/**
 * What to maximise, as plain JSON: it crosses to the worker, sits in share links, and keys the cache. Types only.
 *
 * act is a layer's activation [N, C, H, W] (dense layers count as [N, C, 1, 1], tokens as [N, C, 1, T]); every objective is a number
 * for each picture of the batch, and their sum over the batch is climbed. The layer "input" is the picture as the network sees it,
 * transformed, RGB in 0..1. x counts columns, y rows, both from the top left; left out, they are the centre.
 * Pictures are named; their bytes come beside the objective. "drawn:0", "drawn:1", ... are drawn by rule (testPictures.ts).
 */

/** Of one layer, or of a position in it. */
export type LayerObjective =
  /** Mean of one channel over positions. */
  | { kind: "channel"; layer: string; channel: number }
  /** One position of one channel. */
  | { kind: "neuron"; layer: string; channel: number; x?: number; y?: number }
  /**
   * Mean over positions, or at one position where x or y is given, of the dot product with `vector` [C], times max(0.1, cosine)^cosinePower
   * (0 when left out).
   */
  | { kind: "direction"; layer: string; vector: number[]; x?: number; y?: number; cosinePower?: number }
  /** Dot product with a whole tensor, row-major [C, height, width], about the centre of the grid; cosine of both as above. */
  | {
      kind: "tensor";
      layer: string;
      tensor: number[];
      shape: [channels: number, height: number, width: number];
      cosinePower?: number;
    }
  /** Mean of the dot product with `vector` over a window of positions, its top left corner at x, y (Lucent's localgroup_weight). */
  | { kind: "group"; layer: string; vector: number[]; x?: number; y?: number; width: number; height: number }
  /** Mean of one channel, weighted by a painted mask: `mask` row-major over a grid [height, width], resampled to the layer's. */
  | { kind: "painting"; layer: string; channel: number; mask: number[]; grid: [height: number, width: number] }
  /** Mean of the squares of all values: DeepDream (Mordvintsev et al. 2015). */
  | { kind: "deepdream"; layer: string }
  /** The network's answer, before any softmax, for a class by its name or number. */
  | { kind: "class"; class: string | number };

/** Against a picture that is given. */
export type PictureObjective =
  /** -|act - target|^2 / |target|^2: 0 is perfect (feature inversion, Mahendran and Vedaldi 2015). */
  | { kind: "inversion"; layer: string; picture: string }
  /** dot(act, target) / |target| times max(0.1, cosine)^cosinePower (caricature, Lucid's dot_compare). 0 when left out. */
  | { kind: "caricature"; layer: string; picture: string; cosinePower?: number };

/** Between the pictures of a batch. */
export type BatchObjective =
  /** Mean cosine of a picture's Gram matrix with those of the others: scale it by a negative number to push them apart. */
  | { kind: "diversity"; layer: string }
  /** -mean of squared differences to the neighbours at distance d = 1 .. 4 in the batch, over decay^d: 0 is perfect (2 when left out). */
  | { kind: "alignment"; layer: string; decay?: number };

/** Of the picture itself, before transforms; all but opacity are larger the worse: scale them by a negative number. */
export type PenaltyObjective =
  /** Mean of |differences| to the right and below. */
  | { kind: "totalVariation" }
  /** Mean of |value - towards| (0.5 when left out). */
  | { kind: "l1"; towards?: number }
  /** Root of the mean of (value - towards)^2. */
  | { kind: "l2"; towards?: number }
  /** Scaled by -k, each step of plain gradient ascent blends a share of the blurred picture in (Lucid's blur_input_each_step). */
  | { kind: "blurEachStep" }
  /** Variation and colour other than `color` within `width` pixels of the border (20 and 0.5 when left out). */
  | { kind: "boundary"; width?: number; color?: number }
  /** Mean of the alpha channel, 1 where the recipe has none. */
  | { kind: "opacity" };

/** Of other objectives. */
export type JointObjective =
  | { kind: "sum"; of: Objective[] }
  | { kind: "product"; of: Objective[] }
  /** `by` times another; a negative number turns it round. */
  | { kind: "scale"; by: number; of: Objective }
  | { kind: "constant"; value: number }
  /** One for each picture of the batch, over again where the batch is larger. */
  | { kind: "each"; of: Objective[] }
  /** From the first picture of the batch to the last, evenly from one objective to another. */
  | { kind: "interpolate"; from: Objective; to: Objective };

export type Objective = LayerObjective | PictureObjective | BatchObjective | PenaltyObjective | JointObjective;

/** An objective that does not fit its layer, or is none; the message names the layer or field, both values and what is possible. */
export class ObjectiveError extends Error {
  override readonly name = "ObjectiveError";
}
