/**
 * What attribution asks of a network, answered over any Runtime: programs are compiled when first asked for and kept by the cache that is
 * handed in, pictures run in batches that suit the device.
 */
import { ATTRIBUTION, gradientGraph, layerGraph, scoreGraph, tailGraph, type AttributionGraph } from "../attribution/graph";
import { camLayer } from "../attribution/layers";
import type { BackwardRules, LayerSlopes, Probe, Slopes } from "../attribution/probe";
import { canonicalise, resolveValue } from "../onnx/canonicalise";
import { sizeOf, type Graph, type StaticGraph, type Tensor } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import { f32 } from "../onnx/tensor";
import { feedsOf, planObjective, type ObjectivePlan } from "../vis/objective/program";
import type { Objective } from "../vis/objective/types";
import { macrotask } from "./climb";
import type { Program, Runtime } from "./runtime";

/** A compiled graph, whatever the numbers of its objective. */
export interface Compiled extends AttributionGraph {
  program: Program;
  dispose(): Promise<void>;
}

/** Where compiled graphs come from: made when a key is seen for the first time. */
export type ProgramCache = (key: string, make: () => Promise<Compiled>) => Promise<Compiled>;

export interface ProbeOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** In the graph's own names. */
  objective: Objective;
  cache: ProgramCache;
  signal?: AbortSignal;
}

/** How many pictures of 224 x 224 run at once: forward, and forward and back; of smaller ones more. WASM gains little by more, and hears a cancel later. */
const AT_ONCE = { wasm: { forward: 4, back: 1 }, webgpu: { forward: 16, back: 8 } } as const;
const PIXELS = 224 * 224;
const MOST = 64;

/** ImageNet's mean colour, for cards that tell none. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;

export class RuntimeProbe implements Probe {
  readonly size: readonly [height: number, width: number];
  readonly mean: readonly [r: number, g: number, b: number];
  readonly batch: number;
  /** Spent on compiling so far. */
  compileMs = 0;
  readonly #forward: number;

  constructor(
    readonly runtime: Runtime,
    readonly options: ProbeOptions,
  ) {
    this.size = sidesOf(options.preprocessing);
    this.mean = meanColour(options.preprocessing);
    const { forward, back } = AT_ONCE[runtime.info.backend];
    const room = (pictures: number) => Math.max(1, Math.min(MOST, Math.floor((pictures * PIXELS) / sizeOf(this.size))));
    this.#forward = room(forward);
    this.batch = room(back);
  }

  async scores(pictures: Tensor): Promise<Float32Array> {
    const out = await this.#inBatches(pictures, this.#forward, "scores", (model, plan) => scoreGraph(model, plan));
    return out[ATTRIBUTION.scores]!.data as Float32Array;
  }

  async gradients(pictures: Tensor, rules: BackwardRules = { kind: "gradient" }): Promise<Slopes> {
    const atOnce = rules.kind === "deepLift" ? pictures.shape[0]! : this.batch;
    const out = await this.#inBatches(pictures, atOnce, JSON.stringify(rules), (model, plan) =>
      gradientGraph(model, plan, rules),
    );
    return { scores: out[ATTRIBUTION.scores]!.data as Float32Array, gradients: out[ATTRIBUTION.gradients]! };
  }

  async layer(pictures: Tensor, layer?: string): Promise<LayerSlopes> {
    const name = this.layerName(layer);
    const make = (model: StaticGraph, plan: ObjectivePlan) => layerGraph(model, plan, name);
    const out = await this.#inBatches(pictures, this.batch, `layer ${name}`, make, [name]);
    return {
      scores: out[ATTRIBUTION.scores]!.data as Float32Array,
      activations: out[ATTRIBUTION.activations]!,
      gradients: out[ATTRIBUTION.layerGradients]!,
    };
  }

  async scoresFrom(activations: Tensor, picture: Tensor, layer?: string): Promise<Float32Array> {
    const name = this.layerName(layer);
    const make = (model: StaticGraph, plan: ObjectivePlan) => tailGraph(model, plan, name, { gradient: false });
    const out = await this.#inBatches(activations, this.#forward, `from ${name}`, make, [name], picture);
    return out[ATTRIBUTION.scores]!.data as Float32Array;
  }

  async slopesFrom(activations: Tensor, picture: Tensor, layer?: string): Promise<Slopes> {
    const name = this.layerName(layer);
    const make = (model: StaticGraph, plan: ObjectivePlan) => tailGraph(model, plan, name, { gradient: true });
    const out = await this.#inBatches(activations, this.batch, `slopes from ${name}`, make, [name], picture);
    return { scores: out[ATTRIBUTION.scores]!.data as Float32Array, gradients: out[ATTRIBUTION.layerGradients]! };
  }

  /** The layer that a class activation map is taken of: the one that is named, else camLayer's. Throws with the nearest names. */
  layerName(called?: string): string {
    const { graph, preprocessing, objective } = this.options;
    if (called !== undefined) return resolveValue(graph, called);
    const { layers } = planObjective(objective, 1);
    return camLayer(canonicalise(graph, { preprocessing, size: this.size, batch: 1, until: layers }), layers);
  }

  /**
   * Runs `fed` [N, ...] through a graph in batches of `atOnce`; a rest of less than half a batch goes one by one, a larger one is filled up.
   * `picture` [1, 3, H, W] stands beside every row where the graph still reads one.
   */
  async #inBatches(
    fed: Tensor,
    atOnce: number,
    kind: string,
    make: (model: StaticGraph, plan: ObjectivePlan) => AttributionGraph,
    further: readonly string[] = [],
    picture?: Tensor,
  ): Promise<Record<string, Tensor>> {
    const count = fed.shape[0]!;
    const row = sizeOf(fed.shape.slice(1));
    const collected = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (let done = 0; done < count;) {
      this.options.signal?.throwIfAborted();
      const rest = count - done;
      const n = rest >= atOnce ? atOnce : 2 * rest > atOnce ? rest : 1;
      const batch = n > 1 ? atOnce : 1;
      const rows = new Float32Array(batch * row);
      rows.set((fed.data as Float32Array).subarray(done * row, (done + n) * row));
      const out = await this.#run(f32(rows, [batch, ...fed.shape.slice(1)]), kind, make, further, picture);
      for (const [name, tensor] of Object.entries(out)) {
        const size = sizeOf(tensor.shape.slice(1));
        const all = collected.get(name) ?? { shape: [count, ...tensor.shape.slice(1)], data: new Float32Array(count * size) };
        collected.set(name, all);
        all.data.set((tensor.data as Float32Array).subarray(0, n * size), done * size);
      }
      done += n;
      await macrotask();
    }
    return Object.fromEntries([...collected].map(([name, { data, shape }]) => [name, f32(data, shape)]));
  }

  async #run(
    rows: Tensor,
    kind: string,
    make: (model: StaticGraph, plan: ObjectivePlan) => AttributionGraph,
    further: readonly string[],
    picture: Tensor | undefined,
  ): Promise<Record<string, Tensor>> {
    const { graph, preprocessing, objective, cache } = this.options;
    const batch = rows.shape[0]!;
    const plan = planObjective(objective, batch);
    const begun = performance.now();
    const compiled = await cache(JSON.stringify([kind, plan.structure, this.size]), async () => {
      const until = [...new Set([...plan.layers, ...further])];
      const made = make(canonicalise(graph, { preprocessing, size: this.size, batch, until }), plan);
      const program = await this.runtime.compile(made.graph, { resident: [] });
      return { ...made, program, dispose: () => program.dispose() };
    });
    this.compileMs += performance.now() - begun;
    const feeds: Record<string, Tensor> = { ...feedsOf(plan, compiled.shapes) };
    for (const { name } of compiled.graph.inputs)
      if (!Object.hasOwn(feeds, name))
        feeds[name] = picture && name !== ATTRIBUTION.activations ? repeated(picture, batch) : rows;
    return (await compiled.program.run(feeds, compiled.graph.outputs)) as Record<string, Tensor>;
  }
}

/** A picture [1, ...] so many times. */
function repeated({ data, shape }: Tensor, count: number): Tensor {
  const all = new Float32Array(count * data.length);
  for (let i = 0; i < count; i++) all.set(data as Float32Array, i * data.length);
  return f32(all, [count, ...shape.slice(1)]);
}

/** What the network sees as zero, where that is a colour in RGB: cards subtract the mean of the pictures it learnt from. */
function meanColour({ channels, mean, range }: Preprocessing): readonly [number, number, number] {
  const [r, g, b] = channels === "BGR" ? [...mean].reverse() : mean;
  if ((channels !== "RGB" && channels !== "BGR") || !mean.some((m) => m > 0)) return IMAGENET_MEAN;
  return [r! / range, g! / range, b! / range];
}
