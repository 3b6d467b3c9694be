/** What the page asks of the workers, job by job; the page's state knows nothing else of them, and tests put an engine of their own here. */
import type {
  CompareRequest,
  DeviceChoice,
  DeviceInfo,
  Measured,
  MeasureRequest,
  Progress,
  RenderRequest,
  RenderResult,
} from "../../api/engine";
import type {
  Attribution,
  AttributionRequest,
  LayerAttribution,
  LayerAttributionRequest,
  NeuronGroups,
  NeuronGroupsRequest,
  Prediction,
  PredictRequest,
} from "../../api/attribution";
import type { ImportChoices, ImportSource, Inspection } from "../../api/import";
import type { ModelCard, ModelFile, ModelSummary } from "../../api/model";
import type { StoredModel } from "../../api/store";
import type { Randomised, RandomisedRequest, Truth, TruthRequest } from "../../api/truth";
import type {
  Connections,
  ConnectionsRequest,
  ExamineRequest,
  Examined,
  Similarity,
  Tuned,
  TuneRequest,
  WeightsRequest,
} from "../../api/units";
import type { LogitsChange } from "../../quantize/compare";
import type { WeightStorage } from "../../quantize/quantize";
import type { Objective } from "../../vis/objective/types";

export interface Task {
  /** Aborting rejects with the signal's reason; a worker that does not listen is restarted. */
  signal: AbortSignal;
  onProgress?: (p: Progress) => void;
}

export interface RenderTask extends Task {
  /** Called when the picture can be led on: `change` has it climb another objective from its next step on. */
  onChangeable?: (change: (objective: Objective) => void) => void;
}

export interface Machine {
  /** Resolves once the file is stored and verified, its weights kept as `keep`. */
  fetch(id: string, file: ModelFile, keep: WeightStorage, task: Task): Promise<StoredModel>;
  /** Looks into a reader's files or an address; `evenSo`: also past ops that no gradient passes. */
  inspect(source: ImportSource, evenSo: boolean, task: Task): Promise<Inspection>;
  importModel(source: ImportSource, choices: ImportChoices, task: Task): Promise<StoredModel>;
  compare(request: CompareRequest, task: Task): Promise<LogitsChange>;
  noteAnswers(sha256: string, answers: LogitsChange): Promise<void>;
  list(): Promise<StoredModel[]>;
  remove(sha256: string): Promise<void>;
  quota(): Promise<{ usage: number; quota: number; persisted: boolean } | null>;
  /** Why this browser keeps models for this visit only; null when it keeps them. */
  notice(): Promise<string | null>;
  open(weights: string, card: ModelCard, task: Task): Promise<ModelSummary>;
  render(request: RenderRequest, task: RenderTask): Promise<RenderResult>;
  measure(request: MeasureRequest, task: Task): Promise<Measured>;
  /** What the network makes of a picture, the likeliest classes first. */
  predict(request: PredictRequest, task: Task): Promise<Prediction[]>;
  /** How much every pixel counts for a target. */
  attribute(request: AttributionRequest, task: Task): Promise<Attribution>;
  /** Whether a map is true. */
  truth(request: TruthRequest, task: Task): Promise<Truth>;
  /** The map of the network with its topmost layers' weights drawn anew. */
  randomised(request: RandomisedRequest, task: Task): Promise<Randomised>;
  attributeLayer(request: LayerAttributionRequest, task: Task): Promise<LayerAttribution>;
  /** A layer's units as a few groups. */
  neuronGroups(request: NeuronGroupsRequest, task: Task): Promise<NeuronGroups>;
  /** How every unit of some layers answers to pictures. */
  examine(request: ExamineRequest, task: Task): Promise<Examined>;
  /** How every unit of some layers answers to drawn stimuli. */
  tune(request: TuneRequest, task: Task): Promise<Tuned>;
  /** What a unit is made of. */
  connections(request: ConnectionsRequest, task: Task): Promise<Connections>;
  similarity(request: WeightsRequest, task: Task): Promise<Similarity>;
  device(choice: DeviceChoice): Promise<DeviceInfo>;
}

/** What went wrong, in the words of whoever noticed it. */
export const messageOf = (error: unknown): string => (error instanceof Error && error.message ? error.message : String(error));
