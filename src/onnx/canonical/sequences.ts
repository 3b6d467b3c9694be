/**
 * Sequences of tensors, into which PyTorch's scripted chunk, split and stack are exported: a sequence is a list of values here, known
 * while the graph is read, and nothing of it is left.
 */
import type { Value } from "../graph";
import { numbers } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

/** The sequence at input `i`. */
const sequence = (s: Site, i: number): readonly Value[] =>
  s.around.sequences.get(s.node.inputs[i] ?? "") ??
  s.fail(`input ${i} must be a sequence. The file contradicts itself; export it again.`);

/** The node's output is this sequence. */
function keep(s: Site, values: readonly Value[]): (Value | null)[] {
  s.around.sequences.set(s.node.outputs[0]!, values);
  return [];
}

/** A place in a list of `length`, counted from the front. */
function place(s: Site, i: number, length: number, what: string): number {
  const given = s.intsInput(i, what)[0] ?? 0;
  const at = given < 0 ? given + length : given;
  return at >= 0 && at < length ? at : s.fail(`${what} ${given} of ${length}. The file contradicts itself; export it again.`);
}

/** Parts of the given length or lengths along an axis; without any, of 1. */
const split: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 1);
  const axis = s.axis(s.int("axis", 0), x.shape.length);
  const size = x.shape[axis]!;
  const given = s.inputs[1] ? s.needConstant(1, "lengths") : undefined;
  const [length] = given && given.shape.length === 0 ? numbers(given) : [1];
  if (length! < 1) s.fail(`parts of ${length}. The file contradicts itself; export it again.`);
  const lengths =
    given && given.shape.length > 0
      ? numbers(given)
      : Array.from({ length: Math.ceil(size / length!) }, (_, i) => Math.min(length!, size - i * length!));
  let from = 0;
  const parts = lengths.map((part, i) => {
    const to = from + part;
    const value = s.as(`part${i}`, "Slice", [x, s.b.ints([from]), s.b.ints([to]), s.b.ints([axis])]);
    from = to;
    if (given || s.int("keepdims", 1)) return value;
    return s.as(`item${i}`, "Squeeze", [value, s.b.ints([axis])]);
  });
  return keep(s, parts);
};

const construct: CanonicalRule = (s) =>
  keep(
    s,
    s.inputs.map((_, i) => s.input(i)),
  );

const insert: CanonicalRule = (s) => {
  const list = [...sequence(s, 0)];
  const at = s.inputs[2] ? place(s, 2, list.length + 1, "place") : list.length;
  return keep(s, [...list.slice(0, at), s.input(1), ...list.slice(at)]);
};

const erase: CanonicalRule = (s) => {
  const list = sequence(s, 0);
  const at = s.inputs[1] ? place(s, 1, list.length, "place") : list.length - 1;
  return keep(
    s,
    list.filter((_, i) => i !== at),
  );
};

const at: CanonicalRule = (s) => {
  const list = sequence(s, 0);
  return [list[place(s, 1, list.length, "place")]!];
};

/** Joined along an axis, or stacked along a new one. */
const join: CanonicalRule = (s) => {
  const list = sequence(s, 0);
  const axis = s.int("axis", 0);
  if (!s.int("new_axis", 0)) return [s.as("", "Concat", list, { axis })];
  const rank = (list[0] ?? s.fail("its sequence is empty.")).shape.length + 1;
  const from = s.axis(axis, rank);
  const wide = list.map((x, i) => s.as(`wide${i}`, "Unsqueeze", [x, s.b.ints([from])]));
  return [s.as("", "Concat", wide, { axis: from })];
};

export const sequences: CanonicalTable = {
  SplitToSequence: split,
  SequenceConstruct: construct,
  SequenceEmpty: (s) => keep(s, []),
  SequenceInsert: insert,
  SequenceErase: erase,
  SequenceAt: at,
  SequenceLength: (s) => [
    s.b.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(sequence(s, 0).length)) }, s.node.outputs[0]!, true),
  ],
  ConcatFromSequence: join,
};
