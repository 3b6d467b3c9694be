/** What the engine worker can do. Types only: the page and the worker both import this file. */
import type { LogitsChange } from "../quantize/compare";
import type { Objective } from "../vis/objective/types";
import type { Recipe } from "../vis/recipe";
import type {
  Attribution,
  AttributionRequest,
  LayerAttribution,
  LayerAttributionRequest,
  NeuronGroups,
  NeuronGroupsRequest,
  Prediction,
  PredictRequest,
} from "./attribution";
import type { ModelCard, ModelSummary } from "./model";
import type { Randomised, RandomisedRequest, Truth, TruthRequest } from "./truth";
import type {
  Connections,
  ConnectionsRequest,
  Examined,
  ExamineRequest,
  Similarity,
  Tuned,
  TuneRequest,
  WeightsRequest,
} from "./units";

export type JobId = string;

/** RGBA bytes, row by row from the top left; `rgba` is transferred, never copied. */
export interface Picture {
  width: number;
  height: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

export type Backend = "webgpu" | "wasm";

/** "auto": a real GPU where there is one, else WASM; a software adapter counts as none. */
export type DeviceChoice = "auto" | Backend;

export interface DeviceInfo {
  backend: Backend;
  /** For people: "Apple M2 (WebGPU)", "WASM, 2 threads". */
  label: string;
  /** Why this one, when "auto" did not take the GPU or the wish could not be met; null when there is nothing to say. */
  reason: string | null;
}

export interface RenderRequest {
  /** SHA-256 of the stored file: the engine reads the weights from the store by it. */
  weights: string;
  card: ModelCard;
  objective: Objective;
  recipe: Recipe;
  /** The pictures that the objective and the recipe name, of any size. */
  pictures?: NamedPictures;
  device: DeviceChoice;
}

/** Pictures by the names that objectives and recipes call them. */
export type NamedPictures = Readonly<Record<string, Picture>>;

export type Progress =
  | { phase: "download"; loadedBytes: number; totalBytes: number | null } // null: server sent no length
  | { phase: "verify"; doneBytes: number; totalBytes: number }
  | { phase: "keep"; doneBytes: number; totalBytes: number } // a converted model is being stored
  | { phase: "compare"; done: number; of: number } // answers to pictures, of both models together
  | { phase: "attribute"; done: number; of: number } // points of a path, masks, noisy pictures
  | { phase: "load" } // ORT and the weights into memory
  | { phase: "compile"; device: DeviceInfo } // sessions for this layer and size
  | { phase: "fit"; step: number; steps: number } // the start is being fitted to a picture
  | { phase: "step"; step: number; steps: number; score: number; stepsPerSecond: number; frames: Picture[] | null }; // score: the batch's mean

export interface CompareRequest {
  /** SHA-256 of the stored files. */
  a: string;
  b: string;
  card: ModelCard;
  /** Of any size: their centres are taken. With none, pictures that are drawn by rule (vis/testPictures.ts). */
  pictures: readonly Picture[];
  device: DeviceChoice;
}

export interface RenderResult {
  /** One for each of the batch. */
  pictures: Picture[];
  /** The batch's mean objective on the last step's transformed pictures, as it was optimised. */
  score: number;
  /** The batch's mean objective at every step [steps]. */
  scores: Float32Array;
  /** The last step's objective of each picture [batch]. */
  each: Float32Array;
  elapsedMs: number;
  device: DeviceInfo;
}

export interface MeasureRequest {
  /** SHA-256 of the stored file. */
  weights: string;
  card: ModelCard;
  /** Of one picture: not of a batch. */
  objective: Objective;
  /** Whose objective is wanted; of any size: the largest centre part of the network's shape is taken. */
  pictures: readonly Picture[];
  /**
   * At which size the network sees them. "network", as when left out: its own, for photos. "own": theirs, for finished pictures, which lose
   * what was drawn into them where they are zoomed; all are of one size, and layers that need the network's own size get that.
   */
  scale?: "network" | "own";
  /** Those that the objective names. */
  named?: NamedPictures;
  device: DeviceChoice;
}

/** What a network makes of pictures as they are, without transforms. */
export interface Measured {
  /** The objective of each picture. */
  scores: Float32Array;
  /** Mean over positions of every channel of the objective's first layer, picture by picture [pictures, C]; none when it has no layer. */
  means: Float32Array;
}

export interface EngineApi {
  /** Opens a stored model: its layers, shapes and what cannot be differentiated. */
  open(job: JobId, weights: string, card: ModelCard): Promise<ModelSummary>;
  /** Makes a picture. onProgress must be a top-level argument (Comlink). */
  render(job: JobId, request: RenderRequest, onProgress: (p: Progress) => void): Promise<RenderResult>;
  /** Has a running picture climb another objective from its next step on; what has been drawn so far is kept. */
  change(job: JobId, objective: Objective): void;
  /** The objective on finished pictures or photos. Progress comes as "compare". */
  measure(job: JobId, request: MeasureRequest, onProgress: (p: Progress) => void): Promise<Measured>;
  /** How the answers of the stored model `request.b` differ from those of `request.a`, both of the same card. */
  compare(job: JobId, request: CompareRequest, onProgress: (p: Progress) => void): Promise<LogitsChange>;
  /** The strongest classes on a picture. */
  predict(job: JobId, request: PredictRequest, onProgress: (p: Progress) => void): Promise<Prediction[]>;
  /** How much every pixel counts for a target. Progress comes as "attribute". */
  attribute(job: JobId, request: AttributionRequest, onProgress: (p: Progress) => void): Promise<Attribution>;
  /** How much every position and every channel of a hidden layer counts. */
  attributeLayer(job: JobId, request: LayerAttributionRequest, onProgress: (p: Progress) => void): Promise<LayerAttribution>;
  /** A hidden layer's units as a few groups, and what each adds to a target. Progress comes as "attribute". */
  neuronGroups(job: JobId, request: NeuronGroupsRequest, onProgress: (p: Progress) => void): Promise<NeuronGroups>;
  /** Whether a map is true, by every measure that there is. Progress comes as "attribute". */
  truth(job: JobId, request: TruthRequest, onProgress: (p: Progress) => void): Promise<Truth>;
  /** The map of the network with its topmost layers' weights drawn anew. Progress comes as "attribute". */
  randomised(job: JobId, request: RandomisedRequest, onProgress: (p: Progress) => void): Promise<Randomised>;
  /**
   * How every unit of some layers answers to pictures. For thousands, hand in some at a time: what was compiled is kept from call to call.
   * Progress comes as "compare".
   */
  examine(job: JobId, request: ExamineRequest, onProgress: (p: Progress) => void): Promise<Examined>;
  /** How every unit of some layers answers to a sweep of stimuli. Progress comes as "compare". */
  tune(job: JobId, request: TuneRequest, onProgress: (p: Progress) => void): Promise<Tuned>;
  /** The weights that lead to a unit from every unit of an earlier layer, expanded through whatever lies between. */
  connections(job: JobId, request: ConnectionsRequest, onProgress: (p: Progress) => void): Promise<Connections>;
  /** How alike a layer's units are by their weights. Progress comes as "compare", in units. */
  similarity(job: JobId, request: WeightsRequest, onProgress: (p: Progress) => void): Promise<Similarity>;
  /** Which device a choice leads to, and why. */
  device(choice: DeviceChoice): Promise<DeviceInfo>;
  /** Asks a job to stop at its next step; unknown or finished jobs are ignored. */
  cancel(job: JobId): void;
}
