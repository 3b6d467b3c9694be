/**
 * How every unit of some layers answers to pictures: the largest over positions, where, and the mean. The reductions are part of the
 * graph, so that activations are never read back; pictures go through in batches, and the compiled graph is good for any number of them.
 */
import type { Examined, ExaminedLayer } from "../api/units";
import { GraphBuilder } from "../onnx/builder";
import { activationShape, canonicalise } from "../onnx/canonicalise";
import { sizeOf, type Graph, type Tensor, type Value } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import { receptiveFields, type ReceptiveField } from "../onnx/receptiveField";
import { f32 } from "../onnx/tensor";
import type { Program, Runtime } from "./runtime";

/**
 * Where in the grid units are asked. "all" for photos; "centre", the middle half of rows and columns, for stimuli, whose answers at the
 * picture's border are answers to the padding.
 */
export type Region = "all" | "centre";

export interface ExaminerOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** The graph's own names. */
  layers: readonly string[];
  region?: Region;
}

type LayerPlace = Pick<ExaminedLayer, "layer" | "channels" | "grid" | "field">;

/** A model compiled up to some layers. */
export interface Examiner {
  size: readonly [height: number, width: number];
  layers: readonly LayerPlace[];
  /**
   * Pictures [1, 3, H, W] of the examiner's size, RGB in 0..1, made when their turn comes. Throws the signal's reason between batches.
   */
  examine(pictures: readonly (() => Tensor)[], options?: ExamineOptions): Promise<Examined>;
  dispose(): Promise<void>;
}

export interface ExamineOptions {
  signal?: AbortSignal;
  onPicture?: (done: number) => void;
}

/** Pictures that go through together. */
const BATCH = 4;

/** Compiles a model up to `layers`. Throws what canonicalise and the runtime throw, and Error for a layer that has no channels. */
export async function compileExaminer(runtime: Runtime, options: ExaminerOptions): Promise<Examiner> {
  const { graph, preprocessing, layers, region = "all" } = options;
  const size = sidesOf(preprocessing);
  const model = canonicalise(graph, { size, batch: BATCH, preprocessing, until: layers });
  const fields = receptiveFields(model);
  const b = new GraphBuilder(model);
  const outputs: Value[] = [];
  const places = layers.map((layer, i): LayerPlace => {
    const act = b.value(model.outputs[i]!);
    const shape = activationShape(act.shape);
    if (!shape) throw new Error(`layer "${layer}" has the shape [${act.shape}]: no channels. Choose another layer.`);
    outputs.push(...answers(b, act, region).map((value, k) => named(b, value, nameOf(ANSWERS[k]!, i))));
    const { channels, height, width } = shape;
    return { layer, channels, grid: [height, width], field: fields.get(act.name) ?? EVERYWHERE };
  });
  const program = await runtime.compile(b.build("examiner", outputs), { resident: [] });
  return {
    size,
    layers: places,
    examine: (pictures, run = {}) => examine(program, { input: model.inputs[0]!.name, size, places }, pictures, run),
    dispose: () => program.dispose(),
  };
}

const EVERYWHERE: ReceptiveField = { spans: null, everywhere: true };
const ANSWERS = ["max", "argmax", "mean"] as const;
const nameOf = (answer: (typeof ANSWERS)[number], layer: number): string => `examined.${answer}.${layer}`;
const named = (b: GraphBuilder, value: Value, name: string): Value => b.node("Identity", [value], {}, { outputNames: [name] });

/** Maximum, its place in the region (int32) and mean over the region of an activation: [N, C] each. */
function answers(b: GraphBuilder, act: Value, region: Region): [Value, Value, Value] {
  const first = act.shape.length === 3 ? b.transpose(act, [0, 2, 1]) : act; // tokens have channels last
  const [batch, channels] = first.shape as [number, number];
  const flat = (x: Value): Value => b.reshape(x, [batch, channels, sizeOf(x.shape.slice(2))]);
  const asked = region === "centre" ? flat(middle(b, first)) : flat(first);
  const place = b.node("ArgMax", [asked], { axis: 2, keepdims: 0, select_last_index: 0 });
  return [b.reduceMax(asked, [2], false), b.cast(place, "int32"), b.reduceMean(asked, [2], false)];
}

/** The middle half of every axis after the channels; at least one position. */
function middle(b: GraphBuilder, act: Value): Value {
  const sides = act.shape.slice(2);
  const starts = sides.map((side) => Math.min(Math.ceil(side / 4), Math.floor((side - 1) / 2)));
  const axes = sides.map((_, i) => i + 2);
  return starts.every((start) => start === 0)
    ? act
    : b.slice(
        act,
        starts,
        sides.map((side, i) => side - starts[i]!),
        axes,
      );
}

interface Compiled {
  input: string;
  size: readonly [height: number, width: number];
  places: readonly LayerPlace[];
}

async function examine(
  program: Program,
  { input, size, places }: Compiled,
  pictures: readonly (() => Tensor)[],
  { signal, onPicture }: ExamineOptions,
): Promise<Examined> {
  const layers = places.map((place): ExaminedLayer => {
    const length = pictures.length * place.channels;
    return { ...place, max: new Float32Array(length), argmax: new Int32Array(length), mean: new Float32Array(length) };
  });
  const wanted = layers.flatMap((_, i) => ANSWERS.map((answer) => nameOf(answer, i)));
  const one = 3 * sizeOf(size);
  for (let start = 0; start < pictures.length; start += BATCH) {
    signal?.throwIfAborted();
    const count = Math.min(BATCH, pictures.length - start);
    const batch = new Float32Array(BATCH * one); // what is left of the last batch stays black, and is not read
    for (let n = 0; n < count; n++) batch.set(pictures[start + n]!().data as Float32Array, n * one);
    const out = await program.run({ [input]: f32(batch, [BATCH, 3, ...size]) }, wanted);
    layers.forEach((layer, i) => {
      for (const answer of ANSWERS) {
        const { data } = out[nameOf(answer, i)] as Tensor;
        layer[answer].set((data as Float32Array).subarray(0, count * layer.channels), start * layer.channels);
      }
    });
    onPicture?.(start + count);
    await new Promise((resolve) => setTimeout(resolve)); // a cancel is heard between batches
  }
  return { size, layers };
}
