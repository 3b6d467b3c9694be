/**
 * The engine: opens models, makes pictures, keeps what is worth keeping. It runs in a worker, in the page, or in a test alike;
 * where weights and runtimes come from is handed in.
 *
 * One picture is made at a time, in the order asked for; a failure does not hold up the next. Compiled steps are kept per
 * (model, layer, recipe shape), so that another channel, seed or number of steps compiles nothing.
 */
import type {
  Backend,
  CompareRequest,
  DeviceChoice,
  DeviceInfo,
  EngineApi,
  JobId,
  Progress,
  RenderRequest,
  RenderResult,
} from "../api/engine";
import type { ModelCard, ModelSummary } from "../api/model";
import { describeModel } from "../models/describe";
import { layerValue } from "../models/layers";
import type { Graph, Tensor } from "../onnx/graph";
import { sidesOf } from "../onnx/preprocessing";
import { readModel } from "../onnx/read";
import { compareLogits, type LogitsChange } from "../quantize/compare";
import { networkInput } from "../vis/resample";
import { testPictures } from "../vis/testPictures";
import { answersOf } from "./answers";
import { coalesce } from "./coalesce";
import { LruCache } from "./lruCache";
import { prepare } from "./prepare";
import { compileStepper, renderPicture, stepperKey, type Stepper } from "./render";
import type { Runtime } from "./runtime";

export interface EngineSources {
  /** The stored file with this SHA-256. Throws when it is not stored. */
  readWeights(sha256: string): Promise<Uint8Array>;
  /** Text of a label file named by a card. */
  readLabels(path: string): Promise<string>;
  makeRuntime(choice: DeviceChoice): Promise<Runtime>;
  device(choice: DeviceChoice): Promise<DeviceInfo>;
  /** Marks buffers that may move to the receiver rather than be copied. */
  transfer?<T extends object>(value: T, buffers: ArrayBuffer[]): T;
  /** Called when a callback is no longer needed: frees its proxy. */
  release?(callback: unknown): void;
}

/** The runtime itself is in pieces (out of memory, or aborted): this worker cannot go on, a fresh one can. */
export class EngineBrokenError extends Error {
  override readonly name = "EngineBrokenError";
}

/** The runtime refused the graph: the picture cannot be made on this device, others can. */
export class RuntimeRefusedError extends Error {
  override readonly name = "RuntimeRefusedError";
}

/** Layers kept compiled; each holds its weights twice on the device. */
const KEPT_STEPPERS = 3;
const KEPT_MODELS = 2;

export class Engine implements EngineApi {
  readonly #jobs = new Map<JobId, AbortController>();
  readonly #runtimes = new Map<Backend, Promise<Runtime>>();
  readonly #models = new LruCache<Promise<Graph>>(KEPT_MODELS, async () => {});
  readonly #steppers = new LruCache<Promise<Stepper>>(KEPT_STEPPERS, async (stepper) => (await stepper).dispose());
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly sources: EngineSources) {}

  async open(job: JobId, weights: string, card: ModelCard): Promise<ModelSummary> {
    return this.#asJob(job, async (signal) => {
      const [graph, labels] = await Promise.all([
        this.#graph(weights, card),
        card.labels ? this.sources.readLabels(card.labels) : "",
      ]);
      signal.throwIfAborted();
      return describeModel(graph, card, labels);
    });
  }

  async render(job: JobId, request: RenderRequest, onProgress: (p: Progress) => void): Promise<RenderResult> {
    const progress = coalesce(onProgress, this.sources.transfer);
    try {
      return await this.#asJob(job, (signal) => this.#inTurn(signal, () => this.#render(request, signal, progress.report)));
    } finally {
      await progress.flush();
      this.sources.release?.(onProgress);
    }
  }

  async compare(job: JobId, request: CompareRequest, onProgress: (p: Progress) => void): Promise<LogitsChange> {
    const progress = coalesce(onProgress, this.sources.transfer);
    try {
      return await this.#asJob(job, (signal) => this.#inTurn(signal, () => this.#compare(request, signal, progress.report)));
    } finally {
      await progress.flush();
      this.sources.release?.(onProgress);
    }
  }

  device(choice: DeviceChoice): Promise<DeviceInfo> {
    return this.sources.device(choice);
  }

  cancel(job: JobId): void {
    this.#jobs.get(job)?.abort(new DOMException("The picture was stopped.", "AbortError"));
  }

  async #render(request: RenderRequest, signal: AbortSignal, report: (p: Progress) => void): Promise<RenderResult> {
    signal.throwIfAborted();
    report({ phase: "load" });
    const [runtime, graph] = await Promise.all([this.#runtime(request.device), this.#graph(request.weights, request.card)]);
    signal.throwIfAborted();
    report({ phase: "compile", device: runtime.info });
    try {
      const stepper = await this.#stepper(request, runtime, graph);
      const made = await renderPicture(stepper, {
        objective: request.objective,
        recipe: request.recipe,
        signal,
        onStep: (step) => report({ phase: "step", steps: request.recipe.steps, ...step }),
      });
      const result = { ...made, device: runtime.info };
      return this.sources.transfer?.(result, [made.picture.rgba.buffer, made.scores.buffer as ArrayBuffer]) ?? result;
    } catch (error) {
      throw explained(error, request, runtime.info);
    }
  }

  async #compare(request: CompareRequest, signal: AbortSignal, report: (p: Progress) => void): Promise<LogitsChange> {
    const { card, device } = request;
    const { preprocessing } = card;
    const size = sidesOf(preprocessing);
    report({ phase: "load" });
    const runtime = await this.#runtime(device);
    const pictures = request.pictures.length
      ? request.pictures.map(({ width, height, rgba }) => networkInput({ width, height, data: rgba, channels: 4 }, size))
      : testPictures(size);
    const answers: Tensor[][] = [];
    for (const [i, weights] of [request.a, request.b].entries()) {
      const graph = await this.#graph(weights, card);
      const onPicture = (done: number) => report({ phase: "compare", done: i * pictures.length + done, of: 2 * pictures.length });
      answers.push(await answersOf(runtime, { graph, preprocessing, pictures, signal, onPicture }));
    }
    return compareLogits(answers[0]!, answers[1]!);
  }

  #graph(weights: string, card: ModelCard): Promise<Graph> {
    return this.#models.get(weights, async () => readModel(await this.sources.readWeights(weights), `the model "${card.title}"`));
  }

  #stepper({ weights, card, objective, recipe }: RenderRequest, runtime: Runtime, graph: Graph): Promise<Stepper> {
    const key = JSON.stringify([weights, runtime.info.backend, stepperKey(objective.layer, recipe)]);
    return this.#steppers.get(key, () => {
      const value = layerValue(graph, card, objective.layer);
      const { model, layer } = prepare({ graph, preprocessing: card.preprocessing, layer: value, recipe });
      return compileStepper(runtime, model, layer, recipe);
    });
  }

  async #runtime(choice: DeviceChoice): Promise<Runtime> {
    const { backend } = await this.sources.device(choice);
    const known = this.#runtimes.get(backend);
    if (known) return known;
    const made = this.sources.makeRuntime(choice);
    this.#runtimes.set(backend, made);
    made.catch(() => this.#runtimes.delete(backend));
    return made;
  }

  async #asJob<T>(job: JobId, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#jobs.set(job, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#jobs.delete(job);
    }
  }

  /** One after another; the next starts whether the last one succeeded or not. A job cancelled while it waits ends at once. */
  #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let started = false;
    const mine = this.#last
      .catch(() => {})
      .then(() => {
        signal.throwIfAborted();
        started = true;
        return work();
      });
    this.#last = mine;
    const cancelled = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => started || reject(signal.reason as Error), { once: true });
    });
    return Promise.race([mine, cancelled]);
  }
}

/** Names that errors of JavaScript and of the runtime have; ours have others, and say what to do. */
const FOREIGN = new Set(["Error", "RangeError", "RuntimeError", "TypeError"]);
/** WASM out of memory, by any of the names that reach us. */
const OUT_OF_MEMORY = /bad_alloc|out of memory|memory allocation|allocation failed|Aborted\(/i;

/** What people are told. */
function explained(error: unknown, { objective, recipe }: RenderRequest, device: DeviceInfo): unknown {
  if (error instanceof Error && !FOREIGN.has(error.name)) return error;
  const message = error instanceof Error ? error.message : String(error); // C++ exceptions arrive as bare numbers
  if (!(error instanceof Error) || error instanceof WebAssembly.RuntimeError || OUT_OF_MEMORY.test(message))
    return new EngineBrokenError(
      `the machine ran out of memory, or the runtime stopped, while making a picture of ${recipe.size} pixels on ${device.label} (${message}). ` +
        "Start again, with a smaller size; the model is kept.",
      { cause: error },
    );
  return new RuntimeRefusedError(
    `layer "${objective.layer}" cannot be drawn at ${recipe.size} pixels on ${device.label}: ${message}. Try the other device, another size or another layer.`,
    { cause: error },
  );
}
