/**
 * From an objective to a piece of the step graph: what it needs, what it is fed, and its value for every picture of the batch.
 *
 * Each picture's objective becomes a tree of terms. Pictures whose trees have one structure share the nodes, their numbers stacked
 * along the batch; where structures differ (other layers, other kinds), every structure is computed once and counts for its own pictures.
 * An objective with the same `structure` can take another's place in a compiled step: `feedsOf` says what to feed instead.
 */
import type { Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { batchTerms } from "./batch";
import { layerTerms } from "./layer";
import { penaltyTerms } from "./penalty";
import { targetTerms } from "./target";
import { INPUT_LAYER, scalarInput, type EmitContext, type ShapeOf, type Term } from "./term";
import { ObjectiveError, type JointObjective, type Objective } from "./types";

/** Where in a batch a term counts. */
interface Place {
  picture: number;
  batch: number;
}
type TermOf<O> = (objective: O, place: Place) => Term;

const jointTerms: { [K in JointObjective["kind"]]: TermOf<Extract<JointObjective, { kind: K }>> } = {
  sum: (o, place) => joint("sum", o.of, place, (b) => (x, y) => b.add(x, y)),
  product: (o, place) => joint("product", o.of, place, (b) => (x, y) => b.mul(x, y)),
  scale: (o, place) => scaled(o.by, termOf(o.of, place)),
  constant: (o) => ({ structure: "constant", inputs: [scalarInput(o.value)], of: [], emit: (_, { inputs: [value] }) => value! }),
  each: (o, place) => {
    if (!o.of.length) throw new ObjectiveError(`"each" must list at least one objective.`);
    return termOf(o.of[place.picture % o.of.length]!, place);
  },
  interpolate: ({ from, to }, place) => {
    const share = place.batch > 1 ? place.picture / (place.batch - 1) : 0;
    const parts = [scaled(1 - share, termOf(from, place)), scaled(share, termOf(to, place))];
    return { ...sumOf(parts), coupled: true };
  },
};

const terms = {
  ...layerTerms,
  ...targetTerms,
  ...batchTerms,
  ...penaltyTerms,
  ...jointTerms,
  diversity: (o, { batch }) => batchTerms.diversity(o, batch),
  alignment: (o, { batch }) => batchTerms.alignment(o, batch),
  class: (o) => {
    throw new ObjectiveError(`class ${JSON.stringify(o.class)} has not been looked up in the model's labels.`);
  },
} satisfies { [K in Objective["kind"]]: TermOf<Extract<Objective, { kind: K }>> };

function termOf(objective: Objective, place: Place): Term {
  const make = Object.hasOwn(terms, objective.kind) ? (terms[objective.kind] as TermOf<Objective>) : undefined;
  if (!make)
    throw new ObjectiveError(`objective kind "${String(objective.kind)}" is not known; use ${Object.keys(terms).join(", ")}.`);
  return make(objective, place);
}

type Join = (b: EmitContext["b"]) => (x: Value, y: Value) => Value;
function joint(name: string, of: readonly Objective[], place: Place, join: Join): Term {
  if (!of.length) throw new ObjectiveError(`"${name}" must list at least one objective.`);
  return joined(
    name,
    of.map((part) => termOf(part, place)),
    join,
  );
}
const joined = (structure: string, of: Term[], join: Join): Term => ({
  structure,
  inputs: [],
  of,
  emit: ({ b }, { parts }) => parts.reduce(join(b)),
});
const sumOf = (of: Term[]): Term => joined("sum", of, (b) => (x, y) => b.add(x, y));
const scaled = (by: number, of: Term): Term => ({
  structure: "scale",
  inputs: [scalarInput(by)],
  of: [of],
  emit: ({ b }, { inputs: [factor], parts: [value] }) => b.mul(value!, factor!),
});

/** A picture's activation that the step is fed. */
export interface Target {
  /** The step graph's input. */
  input: string;
  layer: string;
  /** Names of pictures, one for each of the batch. */
  pictures: readonly string[];
}

interface Group {
  /** Of each picture of the batch: its own, or for those of other groups the first member's, whose value does not count. */
  terms: readonly Term[];
  /** 1 for members [N]; null when all are. */
  members: Float32Array | null;
}

export interface ObjectivePlan {
  batch: number;
  /** Equal for objectives that a compiled step can exchange. */
  structure: string;
  /** Layers that must be computed, each once; without the picture itself. */
  layers: readonly string[];
  targets: readonly Target[];
  /** Pictures of the batch must be transformed alike. */
  coupled: boolean;
  groups: readonly Group[];
}

/**
 * What `objective` needs for a batch. Layers are named as the graph names them; classes have been looked up (resolve.ts).
 * Throws ObjectiveError where it cannot be an objective for so many pictures.
 */
export function planObjective(objective: Objective, batch: number): ObjectivePlan {
  const own = Array.from({ length: batch }, (_, picture) => termOf(objective, { picture, batch }));
  const structures = [...new Set(own.map(structureOf))];
  const groups = structures.map((structure): Group => {
    const member = own.map((term) => structureOf(term) === structure);
    const first = own[member.indexOf(true)]!;
    return {
      terms: own.map((term, i) => (member[i] ? term : first)),
      members: structures.length > 1 ? Float32Array.from(member, Number) : null,
    };
  });
  const all = own.flatMap(walk);
  const membership = structures.length > 1 ? own.map((term) => structures.indexOf(structureOf(term))).join() : "";
  return {
    batch,
    structure: JSON.stringify([batch, structures, membership]),
    layers: [...new Set(all.flatMap(({ layer }) => (layer === undefined || layer === INPUT_LAYER ? [] : layer)))],
    targets: groups.flatMap((group, g) => targetsOf(group, g)),
    coupled: all.some((term) => term.coupled),
    groups,
  };
}

/** A term and all below it, itself first. */
const walk = (term: Term): Term[] => [term, ...term.of.flatMap(walk)];
const structureOf = (term: Term): string =>
  term.of.length ? `${term.structure}(${term.of.map(structureOf).join(", ")})` : term.structure;

const inputName = (group: number, term: number, input: number): string => `objective.${group}.${term}.${input}`;
const targetName = (group: number, term: number): string => `objective.${group}.${term}.target`;

/** The nth term of every picture's tree, side by side. */
function alongside({ terms }: Group): Term[][] {
  const trees = terms.map(walk);
  return trees[0]!.map((_, i) => trees.map((tree) => tree[i]!));
}

const targetsOf = (group: Group, g: number): Target[] =>
  alongside(group).flatMap((pictures, i) =>
    pictures[0]!.target === undefined
      ? []
      : [{ input: targetName(g, i), layer: pictures[0]!.layer!, pictures: pictures.map(({ target }) => target!) }],
  );

/** Everything that `plan` feeds its graph but targets. Throws ObjectiveError when the objective does not fit its layers. */
export function feedsOf(plan: ObjectivePlan, shapes: ShapeOf): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  plan.groups.forEach((group, g) =>
    alongside(group).forEach((pictures, i) =>
      pictures[0]!.inputs.forEach((input, k) => {
        const dims = input.dims(shapes);
        const size = dims.reduce((n, d) => n * d, 1);
        const data = new Float32Array(plan.batch * size);
        pictures.forEach((term, n) => data.set(term.inputs[k]!.data(shapes), n * size));
        feeds[inputName(g, i, k)] = f32(data, [plan.batch, ...dims]);
      }),
    ),
  );
  return feeds;
}

/**
 * Appends the objective: its value for every picture [N]. Declares the inputs that feedsOf fills, and reads targets through `target`,
 * [N, C, P] each.
 */
export function emitObjective(c: EmitContext, plan: ObjectivePlan, shapes: ShapeOf, target: (input: Target) => Value): Value {
  const { b } = c;
  const values = plan.groups.map((group, g) => {
    let at = 0;
    const emitTree = (term: Term): Value => {
      const index = at++;
      const inputs = term.inputs.map((input, k) =>
        b.input(inputName(g, index, k), "float32", [plan.batch, ...input.dims(shapes)]),
      );
      const wanted = plan.targets.find(({ input }) => input === targetName(g, index));
      const parts = term.of.map(emitTree);
      return term.emit(c, { inputs, parts, target: wanted ? target(wanted) : null });
    };
    const value = emitTree(group.terms[0]!);
    return group.members ? b.mul(value, b.constant(f32(group.members, [plan.batch]), "members")) : value;
  });
  return values.reduce((sum, value) => b.add(sum, value));
}
