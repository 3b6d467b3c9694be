/**
 * Caffe models (.prototxt and .caffemodel, V1 and V2) -> Graph in ONNX ops.
 *
 * Names: a blob keeps its name, and it means what the blob holds in the end, as in Caffe itself: after layers that write in place
 * ("conv5" is what relu5 made of it). What it held before is called "conv5/before_relu5". Nodes are called as their layers are.
 * Rows and columns are as the file declares them, but nothing in the graph depends on them; the batch is open.
 */
import { GraphBuilder } from "../../onnx/builder";
import { ModelFormatError, OpError, type Dim, type Graph, type Value } from "../../onnx/graph";
import type { Preprocessing } from "../../onnx/preprocessing";
import { isSource, layersAtWork, onlyMeasures } from "./net";
import type { LayerParameter } from "./proto/caffe_pb";
import { readPrototxt } from "./prototxt";
import { caffeRules } from "./rules";
import { CaffeSite, NotSupported, type Norm, type Surroundings } from "./site";
import { preprocessingOf, sourcesOf } from "./sources";
import { readCaffemodel, Weights } from "./weights";

export interface CaffeFiles {
  /** The network's text. Null: the network is taken from the .caffemodel, which holds it as it was trained. */
  prototxt: string | null;
  /** Null: the graph's weights have only shapes, which is enough to inspect it. */
  caffemodel: Uint8Array | null;
  /** The .caffemodel's bytes are nobody else's and may be changed: then its large weights are never copied. Default false. */
  mayMove?: boolean | undefined;
  /** Names of the two files in messages. */
  what?: string | undefined;
  weightsWhat?: string | undefined;
}

export interface ImportedCaffe {
  graph: Graph;
  /** As the data layer says; null where there is none. */
  preprocessing: Preprocessing | null;
  /** Files that are needed to run the graph. */
  missing: string[];
  /** Layers that are not understood; they and what needs them are not in the graph. */
  leftOut: { node: string; op: string }[];
}

/**
 * Imports a Caffe model. Throws ModelFormatError when a file is damaged, when the two contradict each other or themselves, or when
 * nothing of the network is left; the message names the file, the layer and the cure.
 */
export function importCaffe(files: CaffeFiles): ImportedCaffe {
  const { prototxt, caffemodel, mayMove, what = "the .prototxt", weightsWhat = "the .caffemodel" } = files;
  const trained = caffemodel && readCaffemodel(caffemodel, weightsWhat);
  const net = prototxt === null ? trained : readPrototxt(prototxt, what);
  if (!net) throw new ModelFormatError("Neither a .prototxt nor a .caffemodel was given. Choose both files of a Caffe model.");
  return new Import(net.name, prototxt === null ? weightsWhat : what).run(net, new Weights(trained, weightsWhat, mayMove));
}

/** More tops or bottoms of a layer, or blobs that no layer reads, are no network of anybody's. */
const MOST_BLOBS = 1000;

/** Dropout in place lets all pass: it writes nothing. */
const passes = ({ type, top, bottom, dropoutParam }: LayerParameter): boolean =>
  type === "Dropout" && top[0] === bottom[0] && (dropoutParam?.scaleTrain ?? true);

class Import {
  readonly #b = new GraphBuilder();
  /** What each blob holds now; null: labels, and what layers that are left out would have made. */
  readonly #blobs = new Map<string, Value | null>();
  readonly #read = new Set<string>();
  readonly #leftOut: ImportedCaffe["leftOut"] = [];

  constructor(
    readonly name: string,
    readonly what: string,
  ) {}

  run(net: Parameters<typeof sourcesOf>[0], weights: Weights): ImportedCaffe {
    const all = layersAtWork(net, this.what);
    const sources = sourcesOf(net, all, weights, this.what);
    const layers = all.filter((layer) => !isSource(layer) && !passes(layer));
    const names = topNames(
      sources.map(({ name }) => name),
      layers,
    );
    this.#b.reserve([...names.values()].flat());
    for (const layer of all.filter(isSource)) for (const top of layer.top) this.#blobs.set(top, null);
    for (const { name, shape } of sources) this.#declare(name, shape);
    const around: Surroundings = { b: this.#b, weights, norms: new Map<string, Norm>() };
    for (const layer of layers) this.#layer(layer, names.get(layer)!, around);
    const inputs = new Set(sources.map(({ name }) => name));
    const outputs = [...this.#blobs.values()].filter((v) => v !== null && !this.#read.has(v.name) && !inputs.has(v.name));
    if (!outputs.length)
      throw new ModelFormatError(
        `${this.what}: no layer of it makes anything that could be looked at${this.#whyNot()}. Choose a network's deploy.prototxt.`,
      );
    if (outputs.length > MOST_BLOBS)
      throw new ModelFormatError(
        `${this.what} makes ${outputs.length} blobs that no layer reads; at most ${MOST_BLOBS} are understood.`,
      );
    const built = this.#b.build(this.name, outputs as Value[], { dropUnusedInputs: true });
    const declared = new Map(
      sources.map(({ name, shape, open }): [string, Dim[]] => [
        name,
        open ? ["N", shape[1]!, "height", "width"] : ["N", ...shape.slice(1)],
      ]),
    );
    const graph: Graph = {
      name: built.name,
      opset: built.opset,
      inputs: built.inputs.map(({ name, dtype }) => ({ name, dtype, shape: declared.get(name)! })),
      outputs: built.outputs,
      nodes: built.nodes,
      constants: built.constants,
    };
    const used = sources.filter(({ name }) => graph.inputs.some((input) => input.name === name));
    return {
      graph,
      preprocessing: preprocessingOf(used),
      missing: weights.known ? [] : ["its .caffemodel"],
      leftOut: this.#leftOut,
    };
  }

  #whyNot(): string {
    const first = this.#leftOut[0];
    return first ? ` (${first.op} "${first.node}" is not supported, and what follows needs it)` : "";
  }

  #declare(name: string, shape: readonly number[]): void {
    if (this.#blobs.get(name)) throw new ModelFormatError(`${this.what}: "${name}" is an input twice. The file is damaged.`);
    this.#blobs.set(name, this.#b.input(name, "float32", shape));
  }

  #layer(layer: LayerParameter, names: readonly string[], around: Surroundings): void {
    const { type, name, top, bottom } = layer;
    const where = `${this.what}: ${type} "${name}"`;
    for (const [which, count] of [
      ["tops", top.length],
      ["bottoms", bottom.length],
    ] as const)
      if (count > MOST_BLOBS) throw new ModelFormatError(`${where} has ${count} ${which}; at most ${MOST_BLOBS} are understood.`);
    const twice = top.find((blob, i) => (this.#blobs.has(blob) && !bottom.includes(blob)) || top.indexOf(blob) !== i);
    if (twice !== undefined)
      throw new ModelFormatError(`${where} makes "${twice}", which another layer has made. The file contradicts itself.`);
    const bottoms = onlyMeasures(layer) ? [null] : bottom.map((blob) => this.#blob(blob, where));
    const made = bottoms.includes(null) ? null : this.#converted(layer, bottoms as Value[], names, around, where);
    top.forEach((blob, i) => this.#blobs.set(blob, made?.[i] ?? null));
  }

  #blob(name: string, where: string): Value | null {
    const value = this.#blobs.get(name);
    if (value !== undefined) return value;
    throw new ModelFormatError(`${where} reads "${name}", which no layer before it makes. The file contradicts itself.`);
  }

  /** The values of a layer's tops, called as planned. Null when the layer is not understood. */
  #converted(
    layer: LayerParameter,
    bottoms: readonly Value[],
    names: readonly string[],
    around: Surroundings,
    where: string,
  ): readonly Value[] | null {
    const rule = Object.hasOwn(caffeRules, layer.type) ? caffeRules[layer.type] : undefined;
    if (!rule) return this.#leave(layer);
    if (!names.length) throw new ModelFormatError(`${where} has no top. The file contradicts itself.`);
    try {
      const result = rule(new CaffeSite(around, layer, bottoms, names));
      const made: readonly Value[] = Array.isArray(result) ? result : [result as Value];
      for (const { name } of bottoms) this.#read.add(name);
      return made.map((value, i) =>
        value.name === names[i]
          ? value
          : this.#b.node("Identity", [value], {}, { name: layer.name, outputNames: [names[i] ?? this.#tooMany(where)] }),
      );
    } catch (error) {
      if (error instanceof NotSupported) return this.#leave(layer);
      if (error instanceof ModelFormatError || error instanceof TypeError || !(error instanceof Error)) throw error;
      const message = error instanceof OpError ? error.message.replace(/^\S* ".*?": /, "") : error.message;
      throw new ModelFormatError(`${where}: ${message}`, { cause: error });
    }
  }

  #tooMany(where: string): never {
    throw new ModelFormatError(`${where} has too few tops. The file contradicts itself.`);
  }

  #leave({ name, type }: LayerParameter): null {
    this.#leftOut.push({ node: name, op: type });
    return null;
  }
}

/** What the values of each layer's tops are called: the last of a blob's has its name. */
function topNames(inputs: readonly string[], layers: readonly LayerParameter[]): Map<LayerParameter, string[]> {
  const writers = new Map<string, LayerParameter[]>();
  for (const layer of layers)
    for (const top of layer.top) {
      const list = writers.get(top);
      if (list) list.push(layer);
      else writers.set(top, [layer]);
    }
  const taken = new Set([...inputs, ...writers.keys()]);
  const numbered = new Map<string, number>();
  const fresh = (base: string): string => {
    let i = numbered.get(base) ?? 0;
    while (taken.has(i ? `${base}_${i}` : base)) i++;
    numbered.set(base, i);
    const name = i ? `${base}_${i}` : base;
    taken.add(name);
    return name;
  };
  const place = new Map<string, number>();
  return new Map(
    layers.map((layer): [LayerParameter, string[]] => [
      layer,
      layer.top.map((top) => {
        const at = place.get(top) ?? 0;
        place.set(top, at + 1);
        const next = writers.get(top)![at + 1];
        if (inputs.includes(top)) return fresh(taken.has(layer.name) ? `${top}/after_${layer.name}` : layer.name);
        return next ? fresh(`${top}/before_${next.name}`) : top;
      }),
    ]),
  );
}
