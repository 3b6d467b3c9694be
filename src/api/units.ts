/** Looking at units by what they answer and by what they are made of: what crosses to the engine's worker. Types only. */
import type { ReceptiveField } from "../onnx/receptiveField";
import type { Sweep } from "../tuning/sweep";
import type { LayerEnd } from "../circuits/expand";
import type { Approximation } from "../circuits/linearPart";
import type { DeviceChoice, Picture } from "./engine";
import type { ModelCard } from "./model";

/** A stored model, and where it runs. */
export interface ModelRequest {
  /** SHA-256 of the stored file. */
  weights: string;
  card: ModelCard;
  device: DeviceChoice;
}

export interface ExamineRequest extends ModelRequest {
  /** By any name that the card or the graph has for them. */
  layers: readonly string[];
  /** Of any size: the largest centre part in the network's shape is taken. */
  pictures: readonly Picture[];
}

/** How every unit of a layer answers to pictures. All arrays are [pictures, C]. */
export interface ExaminedLayer {
  /** The graph's own name. */
  layer: string;
  channels: number;
  /** Rows and columns at the network's own size. */
  grid: readonly [height: number, width: number];
  /** In pixels of the network's input. */
  field: ReceptiveField;
  /** The largest over positions. */
  max: Float32Array;
  /** Where that is: row * columns + column; the first of equals. */
  argmax: Int32Array;
  /** Over positions. */
  mean: Float32Array;
}

export interface Examined {
  /** The network's input. */
  size: readonly [height: number, width: number];
  /** In the order asked for. */
  layers: ExaminedLayer[];
}

export interface TuneRequest extends ModelRequest {
  layers: readonly string[];
  sweep: Sweep;
  /**
   * What counts as a unit's answer to a stimulus: its largest over positions ("max", as when left out), or its mean. Only the middle half of
   * the grid is asked, for at the picture's border units answer to the padding.
   */
  response?: "max" | "mean";
}

export interface TunedLayer {
  /** The graph's own name. */
  layer: string;
  channels: number;
  /** [points, C]: see src/tuning/sweep.ts for the points, src/tuning/measures.ts for what they say. */
  responses: Float32Array;
}

export interface Tuned {
  /** The network's input, at which the stimuli were drawn. */
  size: readonly [height: number, width: number];
  layers: TunedLayer[];
}

/** Between which layers weights are looked at. */
export interface WeightsRequest extends ModelRequest {
  layer: string;
  /** An earlier layer; left out, the significant one before it, or the picture where there is none. */
  from?: string;
}

export interface ConnectionsRequest extends WeightsRequest {
  channel: number;
}

/** How weights were got. */
export interface Expanded {
  /** `layer` is the graph's own name; the picture's three colours count as a layer. */
  from: LayerEnd;
  to: LayerEnd;
  /** Where the path is not linear, and what its linear part was taken to be. Empty: the weights are the network's own. */
  approximations: Approximation[];
  /** Some of the layer is made without `from`, and has no weights here. */
  bypassed: boolean;
}

export interface Connections extends Expanded {
  channel: number;
  /** Of a kernel. */
  extent: readonly [height: number, width: number];
  /** One kernel for every unit of `from` [C, kh, kw]: src/circuits/inputs.ts ranks them. */
  weights: Float32Array;
}

export interface Similarity extends Expanded {
  /** Cosine of every two units' expanded weights [C, C]. */
  cosines: Float32Array;
}
