/** Types of matrix products. */
import type { NodeView } from "./nodeView";
import { CONTRADICTION, show, type InferTable } from "./nodeView";

/** Subscripts of an Einsum term, "..." expanded to digits-free private letters for `extra` broadcast axes. */
function subscripts(term: string, extra: number): string[] {
  const ellipsis = Array.from({ length: extra }, (_, i) => `.${i}`);
  const [before = "", after] = term.split("...");
  return after === undefined ? [...before] : [...before, ...ellipsis, ...after];
}

function einsum(v: NodeView): number[] {
  const equation = v.text("equation", "").replace(/\s+/g, "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== v.inputs.length)
    v.fail(`the equation "${equation}" has ${terms.length} terms for ${v.inputs.length} inputs. ${CONTRADICTION}`);
  const rankOf = (i: number) => v.input(i).shape.length;
  const extra = Math.max(0, ...terms.map((t, i) => (t.includes("...") ? rankOf(i) - (t.length - 3) : 0)));
  const sizes = new Map<string, number>();
  const counts = new Map<string, number>();
  terms.forEach((term, i) => {
    const { shape } = v.input(i);
    const own = term.includes("...") ? shape.length - (term.length - 3) : 0;
    const letters = subscripts(term, extra).filter((l) => !l.startsWith(".") || Number(l.slice(1)) >= extra - own);
    if (letters.length !== shape.length)
      v.fail(`term "${term}" of the equation does not fit input ${i}, ${show(shape)}. ${CONTRADICTION}`);
    letters.forEach((letter, axis) => {
      const size = shape[axis]!;
      const known = sizes.get(letter) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        v.fail(`"${letter}" is both ${known} and ${size} in "${equation}". ${CONTRADICTION}`);
      sizes.set(letter, Math.max(known, size));
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    });
  });
  const implicit = () => {
    const once = [...counts].filter(([l, n]) => n === 1 && !l.startsWith(".")).map(([l]) => l);
    return [...Array.from({ length: extra }, (_, i) => `.${i}`), ...once.sort()];
  };
  const out = right === undefined ? implicit() : subscripts(right, extra);
  return out.map((letter) => sizes.get(letter) ?? v.fail(`"${letter}" of "${equation}" is in no input. ${CONTRADICTION}`));
}

export const linear: InferTable = {
  /** Numpy's matmul: vectors gain an axis and lose it again, leading axes broadcast. */
  MatMul: (v) => {
    const A = v.rankAtLeast(0, 1);
    const B = v.rankAtLeast(1, 1);
    const a = A.shape.length === 1 ? [1, ...A.shape] : A.shape;
    const b = B.shape.length === 1 ? [...B.shape, 1] : B.shape;
    if (a.at(-1) !== b.at(-2))
      v.fail(`${show(A.shape)} x ${show(B.shape)}: ${a.at(-1)} columns, but ${b.at(-2)} rows. ${CONTRADICTION}`);
    const rows = A.shape.length === 1 ? [] : [a.at(-2)!];
    const columns = B.shape.length === 1 ? [] : [b.at(-1)!];
    return [{ dtype: A.dtype, shape: [...v.broadcast(a.slice(0, -2), b.slice(0, -2)), ...rows, ...columns] }];
  },
  Gemm: (v) => {
    const A = v.input(0);
    const B = v.input(1);
    if (A.shape.length !== 2 || B.shape.length !== 2)
      v.fail(`${show(A.shape)} x ${show(B.shape)}: both must be matrices. ${CONTRADICTION}`);
    const [m, k] = v.int("transA", 0) ? [A.shape[1]!, A.shape[0]!] : [A.shape[0]!, A.shape[1]!];
    const [l, n] = v.int("transB", 0) ? [B.shape[1]!, B.shape[0]!] : [B.shape[0]!, B.shape[1]!];
    if (k !== l) v.fail(`${show(A.shape)} x ${show(B.shape)}: ${k} columns, but ${l} rows. ${CONTRADICTION}`);
    const C = v.inputs[2];
    if (C && v.broadcast([m, n], C.shape).join() !== `${m},${n}`)
      v.fail(`C ${show(C.shape)} does not broadcast to ${show([m, n])}. ${CONTRADICTION}`);
    return [{ dtype: A.dtype, shape: [m, n] }];
  },
  Einsum: (v) => [{ dtype: v.input(0).dtype, shape: einsum(v) }],
};
