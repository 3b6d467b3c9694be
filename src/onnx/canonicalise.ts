/**
 * From any ONNX file's graph to the canonical one: static shapes, opset 18, few ops in one form each, RGB pictures in 0..1.
 *
 * One walk in topological order. For each node a rule of canonical/ reads it in whichever opset's form it has and emits
 * canonical nodes; what all constants determine is folded at once, so shape arithmetic never reaches the result.
 * A value keeps the name that the file gave it wherever it survives; what rules add in between is named `value~step`.
 */
import { GraphBuilder } from "./builder";
import { consumersOf, cut, isGraph, readsOf } from "./canonical/cut";
import { sizedInputs, type SizeOptions } from "./canonical/inputs";
import { resolveValue } from "./canonical/names";
import { absorbingConv, affineOf, IMAGE, preprocess } from "./canonical/picture";
import { Levels } from "./canonical/levels";
import { Site, scalarOf, type Affine, type Surroundings } from "./canonical/site";
import { canonicalTable, knowsGrids, ruleOf } from "./canonical/table";
import { channelCount, type Preprocessing } from "./preprocessing";
import { asFloat32 } from "./fold/quantised";
import {
  ModelFormatError,
  OpError,
  sizeOf,
  type Graph,
  type GraphInput,
  type Node,
  type StaticGraph,
  type Tensor,
  type Value,
} from "./graph";

export { activationShape, layersOf, type LayerCandidate } from "./canonical/layers";
export { canonicalTable, microsoftTable, notUnderstood } from "./canonical/table";
export { resolveValue };

const OLDEST_OPSET = 7;

export interface CanonicaliseOptions extends SizeOptions {
  /** The values wanted as outputs, by any name that resolveValue understands; everything after them is cut. */
  until?: readonly string[];
}

/**
 * The canonical form of `graph` (the op set is listed in ops.ts). With `preprocessing` its picture input is replaced by
 * "image" [N, 3, H, W], RGB in 0..1; without, its own inputs and conventions are kept.
 * Throws ModelFormatError for opsets before 7, Error for open sizes and unknown names, OpError naming the node otherwise.
 */
export function canonicalise(graph: Graph, options: CanonicaliseOptions = {}): StaticGraph {
  if (graph.opset < OLDEST_OPSET)
    throw new ModelFormatError(
      `Model "${graph.name}" is written in ONNX opset ${graph.opset}, but ${OLDEST_OPSET} is the oldest that is understood. Convert it with onnx.version_converter.`,
    );
  const outputs = (options.until ?? graph.outputs).map((name) => resolveValue(graph, name));
  return new Walk(graph, outputs, options).run();
}

/**
 * The last values that can be computed without `excluded` nodes and what depends on them: the graph's own outputs where nothing is
 * excluded, else also what the excluded nodes read.
 */
export function outputsWithout(graph: Graph, excluded: ReadonlySet<string>): string[] {
  const lost = new Set<string>();
  const kept = graph.nodes.filter((node) => {
    const gone = excluded.has(node.name) || readsOf(node).some((name) => lost.has(name));
    if (gone) for (const output of node.outputs) lost.add(output);
    return !gone;
  });
  if (!lost.size) return [...graph.outputs];
  const read = new Set(kept.flatMap(readsOf));
  const ends = kept.flatMap((node) => node.outputs.filter((name) => name !== "" && !read.has(name)));
  return [...new Set([...graph.outputs.filter((name) => !lost.has(name)), ...ends])];
}

/** So many elements may be folded in any file; in larger ones, so many times what their weights have. */
const FOLDED = 2 ** 25;

const elementsOf = (constants: ReadonlyMap<string, Tensor>): number =>
  [...constants.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** What the builder refuses of a node's rule is said of the node. */
function named<T>(node: Node, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error)
      throw new OpError(node, `${error.message}. The file contradicts itself; export it again.`);
    throw error;
  }
}

class Walk {
  readonly #b = new GraphBuilder();
  /** The file's names -> the canonical values that stand for them. */
  readonly #values = new Map<string, Value>();
  readonly #constants: Map<string, Tensor>;
  readonly #nodes: readonly Node[];
  readonly #needed: ReadonlySet<string>;
  readonly #around: Surroundings;
  readonly #settled = new Set<Node>();
  readonly #absorb = new Map<Node, Affine>();
  readonly #levels: Levels;

  constructor(
    readonly graph: Graph,
    readonly outputs: readonly string[],
    options: CanonicaliseOptions,
  ) {
    const { nodes, needed } = cut(graph, outputs);
    this.#nodes = nodes;
    this.#needed = needed;
    this.#constants = new Map(graph.constants);
    this.#b.reserve([...needed, ...nodes.flatMap((node) => node.outputs)]);
    const consumers = consumersOf(nodes);
    const wanted = new Set(outputs);
    const inputs = graph.inputs.filter((input) => needed.has(input.name));
    const sized = sizedInputs(graph, inputs, options);
    this.#levels = new Levels(this.#b, options.until ? [] : outputs);
    this.#around = {
      opset: graph.opset,
      batch: sized.batch,
      absorb: this.#absorb,
      transposes: new Map(),
      grids: this.#levels.grids,
      wantsLevels: this.#levels.wanted,
      sequences: new Map(),
      folding: { left: FOLDED + 8 * elementsOf(graph.constants) },
      rule: (op) => canonicalTable[op]!,
      constantNamed: (name) => this.#constantNamed(name),
      soleConsumer: (name) => {
        const readers = consumers.get(name) ?? [];
        return readers.length === 1 && !wanted.has(name) ? readers[0] : undefined;
      },
      settle: (node, value) => {
        this.#settled.add(node);
        this.#values.set(node.outputs[0]!, value);
      },
    };
    for (const input of inputs) {
      const shape = sized.shapes.get(input.name)!;
      if (options.preprocessing && input === sized.picture) this.#declarePicture(input, shape, options.preprocessing);
      else {
        const dtype = input.dtype === "float16" || input.dtype === "float64" ? "float32" : input.dtype;
        this.#values.set(input.name, this.#b.input(input.name, dtype, shape));
      }
    }
  }

  run(): StaticGraph {
    this.#walk(this.#nodes);
    const values = this.outputs.map((name) => this.#output(name));
    const graph = this.#b.build(this.graph.name, values, { dropUnusedInputs: true });
    const elements = elementsOf(graph.constants);
    if (elements > FOLDED + 8 * elementsOf(this.graph.constants))
      throw new ModelFormatError(
        `Model "${this.graph.name}" makes constants of ${elements} elements, far more than its weights have. It is damaged, or not to be trusted.`,
      );
    return renamed(graph, this.outputs);
  }

  /** Declares "image" in place of the file's picture input, and emits what leads from one to the other. */
  #declarePicture(input: GraphInput, shape: readonly number[], preprocessing: Preprocessing): void {
    const nhwc = preprocessing.layout === "NHWC";
    const [n, c, h, w] = (nhwc ? [0, 3, 1, 2] : [0, 1, 2, 3]).map((axis) => shape[axis]!) as [number, number, number, number];
    const wanted = channelCount(preprocessing.channels);
    if (c !== wanted)
      throw new Error(
        `Input "${input.name}" [${shape.join(", ")}] has ${c} channels, but ${preprocessing.channels} pictures have ${wanted}. Correct the model's card: channels, or layout ${preprocessing.layout}.`,
      );
    const image = this.#b.input(IMAGE, "float32", [n, 3, h, w]);
    const affine = affineOf(preprocessing);
    const turn = nhwc ? this.#around.soleConsumer(input.name) : undefined;
    const undone = turn?.op === "Transpose" && String(turn.attrs.perm) === "0,3,1,2" ? turn : undefined;
    const conv = !affine || (nhwc && !undone) ? undefined : absorbingConv(this.#around, undone?.outputs[0] ?? input.name);
    if (conv) this.#absorb.set(conv, affine!);
    const own = conv ? image : preprocess(this.#b, image, preprocessing, nhwc && !undone);
    if (undone) this.#around.settle(undone, own);
    else this.#values.set(input.name, own);
  }

  #walk(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (this.#settled.has(node)) continue;
      if (node.op === "If" && node.domain === "") this.#branch(node);
      else this.#visit(node);
    }
  }

  #visit(node: Node): void {
    const rule = ruleOf(node);
    if (!rule) {
      const op = node.domain ? `${node.domain}.${node.op}` : node.op;
      throw new OpError(
        node,
        `the op ${op} is not supported. Choose an earlier layer, or export the model with standard ONNX ops.`,
      );
    }
    const inputs = this.#levels.inputsOf(
      node,
      node.inputs.map((name) => (name && !this.#around.sequences.has(name) ? this.#value(name, node) : undefined)),
      knowsGrids(node),
    );
    const results = named(node, () => rule(new Site(this.#b, node, inputs, this.#around)));
    node.outputs.forEach((name, i) => {
      const value = results[i];
      if (!name) return;
      if (value) this.#values.set(name, value);
      else if (this.#needed.has(name) && !this.#around.sequences.has(name))
        throw new OpError(node, `its output ${i} ("${name}") is used, which is not supported. Choose an earlier layer.`);
    });
  }

  /** An If whose condition is known: the branch taken becomes part of the graph. */
  #branch(node: Node): void {
    const condition = this.#b.constantOf(this.#value(node.inputs[0]!, node));
    if (!condition)
      throw new OpError(node, "its condition is computed while it runs, which is not supported. Choose an earlier layer.");
    const branch = node.attrs[scalarOf(condition) ? "then_branch" : "else_branch"];
    if (!branch || !isGraph(branch)) throw new OpError(node, "lacks a branch. The file contradicts itself; export it again.");
    for (const [name, tensor] of branch.constants) this.#constants.set(name, tensor);
    this.#walk(branch.nodes);
    node.outputs.forEach((name, i) => {
      const inner = branch.outputs[i] ?? "";
      const { grids } = this.#levels;
      const grid = grids.get(inner);
      this.#values.set(name, this.#value(inner, node));
      if (grid) grids.set(name, grid);
    });
  }

  #constantNamed(name: string): Tensor | undefined {
    const value = this.#values.get(name);
    if (value) return this.#b.constantOf(value);
    const tensor = this.#constants.get(name);
    return tensor && asFloat32(tensor);
  }

  #value(name: string, reader: Node): Value {
    const known = this.#values.get(name);
    if (known) return known;
    const tensor = this.#constants.get(name);
    if (!tensor)
      throw new OpError(reader, `reads "${name}", which nothing before it makes. The file contradicts itself; export it again.`);
    const value = this.#b.constant(asFloat32(tensor), name, true);
    this.#values.set(name, value);
    return value;
  }

  /** The value of an output. Where it is another value's too, or an input or constant, an Identity tells them apart. */
  #output(name: string): Value {
    const value = this.#levels.asOutput(name, this.#values.get(name)!);
    if (value.name === name) return value;
    const shared = this.outputs.filter((other) => this.#values.get(other)!.name === value.name).length > 1;
    const made =
      this.#b.constantOf(value) === undefined && value.name !== IMAGE && !this.graph.inputs.some((i) => i.name === value.name);
    return made && !shared ? value : this.#b.node("Identity", [value], {}, { outputNames: [name] });
  }
}

/** The graph with its outputs called `outputs`: dropping an Identity must not drop the name that was asked for. */
function renamed(graph: StaticGraph, outputs: readonly string[]): StaticGraph {
  const names = new Map(graph.outputs.flatMap((from, i) => (from === outputs[i] ? [] : [[from, outputs[i]!] as const])));
  if (!names.size) return graph;
  const to = (name: string) => names.get(name) ?? name;
  return {
    ...graph,
    outputs,
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(to), outputs: node.outputs.map(to) })),
    types: new Map([...graph.types].map(([name, type]) => [to(name), type])),
  };
}
