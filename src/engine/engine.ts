/**
 * The engine: opens models, makes pictures, keeps what is worth keeping. It runs in a worker, in the page, or in a test alike;
 * where weights and runtimes come from is handed in.
 *
 * One picture is made at a time, in the order asked for; a failure does not hold up the next. Compiled steps are kept per
 * (model, layer, recipe shape), so that another channel, seed or number of steps compiles nothing.
 *
 * What a first picture does not need (attribution, predictions, the examination of units) is loaded when it is asked for.
 */
import type {
  Backend,
  CompareRequest,
  DeviceChoice,
  DeviceInfo,
  EngineApi,
  JobId,
  Measured,
  MeasureRequest,
  NamedPictures,
  Picture,
  Progress,
  RenderRequest,
  RenderResult,
} from "../api/engine";
import type {
  Attribution,
  AttributionMap,
  AttributionRequest,
  LayerAttribution,
  LayerAttributionRequest,
  NeuronGroups,
  NeuronGroupsRequest,
  Prediction,
  PredictRequest,
} from "../api/attribution";
import type { ModelCard, ModelSummary } from "../api/model";
import type { Randomised, RandomisedRequest, Truth, TruthRequest } from "../api/truth";
import type {
  Connections,
  ConnectionsRequest,
  Examined,
  ExamineRequest,
  ModelRequest,
  Similarity,
  Tuned,
  TuneRequest,
  WeightsRequest,
} from "../api/units";
import { describeModel } from "../models/describe";
import { labelsOf, namingOf } from "../models/naming";
import type { Graph, Tensor } from "../onnx/graph";
import { sidesOf } from "../onnx/preprocessing";
import { readModel } from "../onnx/read";
import { compareLogits, type LogitsChange } from "../quantize/compare";
import { partsOf, resolveObjective } from "../vis/objective/resolve";
import type { Objective } from "../vis/objective/types";
import type { Bitmaps } from "../vis/named";
import { networkInput, type Bitmap } from "../vis/resample";
import { testPictures } from "../vis/testPictures";
import { answersOf } from "./answers";
import { coalesce } from "./coalesce";
import { connectionsOf, similarityOf } from "./connections";
import type { Examiner } from "./examine";
import { LruCache } from "./lruCache";
import { explained } from "./errors";
import { compileGoal } from "./goal";
import { measure, ownSize } from "./measure";
import type { SubjectOptions } from "./predict";
import type { Compiled, ProgramCache } from "./probe";
import { renderPicture } from "./render";
import type { Runtime } from "./runtime";
import type { Goal, Stepper } from "./stepper";
import type { Bench } from "./units";

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

/** Layers kept compiled; each holds its weights twice on the device. */
const KEPT_STEPPERS = 3;
const KEPT_MODELS = 2;
/** Graphs of attribution kept compiled: forward, back, to a layer and from it, alone and in batches. */
const KEPT_PROGRAMS = 8;
/** Models compiled up to some layers, for photo after photo. */
const KEPT_EXAMINERS = 2;

type PredictSubject = Pick<PredictRequest, "weights" | "card" | "picture" | "device">;
type SubjectWork<T> = (runtime: Runtime, subject: SubjectOptions) => Promise<T>;

export class Engine implements EngineApi {
  readonly #jobs = new Map<JobId, AbortController>();
  /** Objectives that running pictures are to climb from their next step on. */
  readonly #wanted = new Map<JobId, Objective>();
  readonly #runtimes = new Map<Backend, Promise<Runtime>>();
  readonly #models = new LruCache<Promise<Graph>>(KEPT_MODELS, async () => {});
  readonly #steppers = new LruCache<Promise<Stepper>>(KEPT_STEPPERS, async (stepper) => (await stepper).dispose());
  readonly #programs = new LruCache<Promise<Compiled>>(KEPT_PROGRAMS, async (compiled) => (await compiled).dispose());
  readonly #examiners = new LruCache<Promise<Examiner>>(KEPT_EXAMINERS, async (examiner) => (await examiner).dispose());
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

  render(job: JobId, request: RenderRequest, onProgress: (p: Progress) => void): Promise<RenderResult> {
    return this.#withProgress(job, onProgress, (signal, report) => this.#render(job, request, signal, report));
  }

  change(job: JobId, objective: Objective): void {
    if (this.#jobs.has(job)) this.#wanted.set(job, objective);
  }

  measure(job: JobId, request: MeasureRequest, onProgress: (p: Progress) => void): Promise<Measured> {
    return this.#withProgress(job, onProgress, (signal, report) => this.#measure(request, signal, report));
  }

  compare(job: JobId, request: CompareRequest, onProgress: (p: Progress) => void): Promise<LogitsChange> {
    return this.#withProgress(job, onProgress, (signal, report) => this.#compare(request, signal, report));
  }

  predict(job: JobId, request: PredictRequest, onProgress: (p: Progress) => void): Promise<Prediction[]> {
    const work: SubjectWork<Prediction[]> = async (runtime, subject) => {
      const { predict } = await import("./predict");
      return predict(runtime, { ...subject, count: request.count });
    };
    return this.#withProgress(job, onProgress, (signal, report) => this.#about(request, signal, report, work));
  }

  attribute(job: JobId, request: AttributionRequest, onProgress: (p: Progress) => void): Promise<Attribution> {
    return this.#withProgress(job, onProgress, (signal, report) =>
      this.#about(request, signal, report, async (runtime, subject) => {
        const { target, method } = request;
        const onDone = (done: number, of: number) => report({ phase: "attribute", done, of });
        const pictures = bitmapsOf(request.pictures);
        const { attribute } = await import("./attribute");
        const made = await attribute(runtime, { ...subject, target, method, pictures, onProgress: onDone });
        const result = { ...made, device: runtime.info };
        return this.sources.transfer?.(result, [made.map.data.buffer]) ?? result;
      }),
    );
  }

  attributeLayer(job: JobId, request: LayerAttributionRequest, onProgress: (p: Progress) => void): Promise<LayerAttribution> {
    return this.#withProgress(job, onProgress, (signal, report) =>
      this.#about(request, signal, report, async (runtime, subject) => {
        const { target, layer, points } = request;
        const { attributeLayer } = await import("./attribute");
        const made = await attributeLayer(runtime, { ...subject, target, layer, points });
        const result = { ...made, device: runtime.info };
        const buffers = [made.positions, made.channels, made.activations, made.values].map(({ buffer }) => buffer);
        return this.sources.transfer?.(result, buffers) ?? result;
      }),
    );
  }

  neuronGroups(job: JobId, request: NeuronGroupsRequest, onProgress: (p: Progress) => void): Promise<NeuronGroups> {
    return this.#withProgress(job, onProgress, (signal, report) =>
      this.#about(request, signal, report, async (runtime, subject) => {
        const { target, layer, points, count, seed } = request;
        const onDone = (done: number, of: number) => report({ phase: "attribute", done, of });
        const { neuronGroups } = await import("./attribute");
        const made = await neuronGroups(runtime, { ...subject, target, layer, points, count, seed, onProgress: onDone });
        return { ...made, device: runtime.info };
      }),
    );
  }

  truth(job: JobId, request: TruthRequest, onProgress: (p: Progress) => void): Promise<Truth> {
    return this.#withProgress(job, onProgress, (signal, report) =>
      this.#about(request, signal, report, async (runtime, subject) => {
        const { target, method, map, steps, sensitivity } = request;
        const onDone = (done: number, of: number) => report({ phase: "attribute", done, of });
        const pictures = bitmapsOf(request.pictures);
        const { truthOf } = await import("./truth");
        const asked = { target, method, steps, sensitivity, map: typeof map === "string" ? map : tensorOf(map) };
        return { ...(await truthOf(runtime, { ...subject, ...asked, pictures, onProgress: onDone })), device: runtime.info };
      }),
    );
  }

  randomised(job: JobId, request: RandomisedRequest, onProgress: (p: Progress) => void): Promise<Randomised> {
    return this.#withProgress(job, onProgress, (signal, report) =>
      this.#about(request, signal, report, async (runtime, subject) => {
        const { target, method, map, layers, seed } = request;
        const onDone = (done: number, of: number) => report({ phase: "attribute", done, of });
        const pictures = bitmapsOf(request.pictures);
        const { randomisedMap } = await import("./truth");
        const asked = { target, method, map: tensorOf(map), layers, seed, pictures };
        const result = { ...(await randomisedMap(runtime, { ...subject, ...asked, onProgress: onDone })), device: runtime.info };
        return this.sources.transfer?.(result, [result.map.data.buffer]) ?? result;
      }),
    );
  }

  examine(job: JobId, request: ExamineRequest, onProgress: (p: Progress) => void): Promise<Examined> {
    return this.#onBench(job, request, onProgress, async (bench) => {
      const { examineUnits } = await import("./units");
      return examineUnits(bench, request);
    });
  }

  tune(job: JobId, request: TuneRequest, onProgress: (p: Progress) => void): Promise<Tuned> {
    return this.#onBench(job, request, onProgress, async (bench) => {
      const { tuneUnits } = await import("./units");
      return tuneUnits(bench, request);
    });
  }

  connections(job: JobId, request: ConnectionsRequest, onProgress: (p: Progress) => void): Promise<Connections> {
    return this.#onBench(job, request, onProgress, (bench) => connectionsOf(bench, request));
  }

  similarity(job: JobId, request: WeightsRequest, onProgress: (p: Progress) => void): Promise<Similarity> {
    return this.#onBench(job, request, onProgress, (bench) => similarityOf(bench, request));
  }

  device(choice: DeviceChoice): Promise<DeviceInfo> {
    return this.sources.device(choice);
  }

  cancel(job: JobId): void {
    this.#jobs.get(job)?.abort(new DOMException("The picture was stopped.", "AbortError"));
  }

  async #render(job: JobId, request: RenderRequest, signal: AbortSignal, report: (p: Progress) => void): Promise<RenderResult> {
    signal.throwIfAborted();
    report({ phase: "load" });
    const [runtime, graph] = await Promise.all([this.#runtime(request.device), this.#graph(request.weights, request.card)]);
    signal.throwIfAborted();
    report({ phase: "compile", device: runtime.info });
    try {
      const { recipe } = request;
      const pictures = bitmapsOf(request.pictures);
      const goalOf = (objective: Objective): Promise<Goal> => this.#goal({ ...request, objective }, runtime, graph);
      const made = await renderPicture(await goalOf(request.objective), {
        recipe,
        pictures,
        signal,
        onStep: (step) => report({ phase: "step", steps: recipe.steps, ...step }),
        onFit: (fit) => report({ phase: "fit", ...fit }),
        change: async () => {
          const objective = this.#wanted.get(job);
          this.#wanted.delete(job);
          return objective ? goalOf(objective) : null;
        },
      });
      const result = { ...made, device: runtime.info };
      const buffers = [...made.pictures.map(({ rgba }) => rgba.buffer), made.scores.buffer as ArrayBuffer];
      return this.sources.transfer?.(result, buffers) ?? result;
    } catch (error) {
      throw explained(error, { what: `a picture of ${request.recipe.size} pixels`, device: runtime.info });
    }
  }

  async #goal(request: RenderRequest, runtime: Runtime, graph: Graph): Promise<Goal> {
    const { weights, card, recipe } = request;
    const objective = await this.#resolved(graph, card, request.objective);
    return compileGoal(runtime, { graph, preprocessing: card.preprocessing, objective, recipe }, (key, make) =>
      this.#steppers.get(JSON.stringify([weights, runtime.info.backend, key]), make),
    );
  }

  async #resolved(graph: Graph, card: ModelCard, objective: Objective): Promise<Objective> {
    const named = partsOf(objective).some(({ kind }) => kind === "class");
    const labels = named ? labelsOf(card, card.labels ? await this.sources.readLabels(card.labels) : "") : [];
    return resolveObjective(objective, namingOf({ graph, preprocessing: card.preprocessing, card, labels }));
  }

  async #measure(request: MeasureRequest, signal: AbortSignal, report: (p: Progress) => void): Promise<Measured> {
    const { card, weights } = request;
    const { preprocessing } = card;
    report({ phase: "load" });
    const [runtime, graph] = await Promise.all([this.#runtime(request.device), this.#graph(weights, card)]);
    try {
      const objective = await this.#resolved(graph, card, request.objective);
      const size =
        request.scale === "own"
          ? ownSize({ graph, preprocessing, objective, like: request.pictures[0] })
          : sidesOf(preprocessing);
      const measured = await measure(runtime, {
        graph,
        preprocessing: { ...preprocessing, size },
        objective,
        pictures: request.pictures.map((picture) => networkInput(bitmapOf(picture), size)),
        named: bitmapsOf(request.named),
        signal,
        onPicture: (done) => report({ phase: "compare", done, of: request.pictures.length }),
      });
      const buffers = [measured.scores.buffer, measured.means.buffer] as ArrayBuffer[];
      return this.sources.transfer?.(measured, buffers) ?? measured;
    } catch (error) {
      throw explained(error, { what: `${request.pictures.length} pictures being measured`, device: runtime.info });
    }
  }

  async #compare(request: CompareRequest, signal: AbortSignal, report: (p: Progress) => void): Promise<LogitsChange> {
    const { card, device } = request;
    const { preprocessing } = card;
    const size = sidesOf(preprocessing);
    report({ phase: "load" });
    const runtime = await this.#runtime(device);
    const pictures = request.pictures.length
      ? request.pictures.map((picture) => networkInput(bitmapOf(picture), size))
      : testPictures(size);
    const answers: Tensor[][] = [];
    for (const [i, weights] of [request.a, request.b].entries()) {
      const graph = await this.#graph(weights, card);
      const onPicture = (done: number) => report({ phase: "compare", done: i * pictures.length + done, of: 2 * pictures.length });
      answers.push(await answersOf(runtime, { graph, preprocessing, pictures, signal, onPicture }));
    }
    return compareLogits(answers[0]!, answers[1]!);
  }

  /** Work on one picture of the reader's, as the network sees it. */
  async #about<T>(
    { weights, card, picture, device }: PredictSubject,
    signal: AbortSignal,
    report: (p: Progress) => void,
    work: SubjectWork<T>,
  ): Promise<T> {
    const { preprocessing } = card;
    report({ phase: "load" });
    const [runtime, graph, file] = await Promise.all([
      this.#runtime(device),
      this.#graph(weights, card),
      card.labels ? this.sources.readLabels(card.labels) : "",
    ]);
    signal.throwIfAborted();
    report({ phase: "compile", device: runtime.info });
    const naming = namingOf({ graph, preprocessing, card, labels: labelsOf(card, file) });
    const cache: ProgramCache = (key, make) => this.#programs.get(JSON.stringify([weights, runtime.info.backend, key]), make);
    const input = networkInput(bitmapOf(picture), sidesOf(preprocessing));
    try {
      return await work(runtime, { graph, preprocessing, naming, picture: input, cache, signal });
    } catch (error) {
      throw explained(error, { what: "a picture being explained", device: runtime.info });
    }
  }

  /** A job on a loaded model's units. */
  #onBench<T extends object>(
    job: JobId,
    { weights, card, device }: ModelRequest,
    onProgress: (p: Progress) => void,
    work: (bench: Bench) => Promise<{ made: T; buffers: ArrayBuffer[] }>,
  ): Promise<T> {
    return this.#withProgress(job, onProgress, async (signal, report) => {
      report({ phase: "load" });
      const [runtime, graph] = await Promise.all([this.#runtime(device), this.#graph(weights, card)]);
      signal.throwIfAborted();
      report({ phase: "compile", device: runtime.info });
      const examiner: Bench["examiner"] = (key, make) =>
        this.#examiners.get(JSON.stringify([weights, runtime.info.backend, key]), make);
      try {
        const onDone = (done: number, of: number): void => report({ phase: "compare", done, of });
        const { made, buffers } = await work({ runtime, graph, card, signal, onDone, examiner });
        return this.sources.transfer?.(made, buffers) ?? made;
      } catch (error) {
        throw explained(error, { what: `the units of "${card.title}"`, device: runtime.info });
      }
    });
  }

  #graph(weights: string, card: ModelCard): Promise<Graph> {
    return this.#models.get(weights, async () => readModel(await this.sources.readWeights(weights), `the model "${card.title}"`));
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

  /** A job whose progress is coalesced; it takes its turn. */
  async #withProgress<T>(
    job: JobId,
    onProgress: (p: Progress) => void,
    work: (signal: AbortSignal, report: (p: Progress) => void) => Promise<T>,
  ): Promise<T> {
    const progress = coalesce(onProgress, this.sources.transfer);
    try {
      return await this.#asJob(job, (signal) => this.#inTurn(signal, () => work(signal, progress.report)));
    } finally {
      await progress.flush();
      this.sources.release?.(onProgress);
    }
  }

  async #asJob<T>(job: JobId, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#jobs.set(job, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#jobs.delete(job);
      this.#wanted.delete(job);
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

const tensorOf = ({ shape, data }: AttributionMap): Tensor => ({ dtype: "float32", shape, data });
const bitmapOf = ({ width, height, rgba }: Picture): Bitmap => ({ width, height, data: rgba, channels: 4 });
const bitmapsOf = (pictures: NamedPictures = {}): Bitmaps =>
  Object.fromEntries(Object.entries(pictures).map(([name, picture]) => [name, bitmapOf(picture)]));
