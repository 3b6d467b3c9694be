/** VJP of Einsum: the gradient by each operand is an Einsum of the cotangent with the others. */
import { OpError, type Value } from "../../onnx/graph";
import type { VjpContext, VjpRule } from "../rule";

/**
 * Einsum: Y[out] = sum over what `out` leaves away of A[a] B[b] ...
 *
 *   "ij,jk->ik"   dA = einsum("ik,jk->ij", dY, B)   dB = einsum("ik,ij->jk", dY, A)
 *
 * A subscript that only A has is summed over, so A's gradient is constant along it. "..." becomes letters of its own.
 * A subscript that stands twice in one term takes a diagonal, which has no rule.
 */
export const einsum: VjpRule = (c) => {
  const { b, node, x, dy, needs } = c;
  const { terms, out } = lettersOf(c);
  return terms.map((term, i) => {
    if (!needs[i]) return null;
    if (new Set(term).size < term.length)
      throw new OpError(node, `term ${i} of "${String(node.attrs.equation)}" takes a diagonal, which has no gradient rule.`);
    const others = terms.flatMap((letters, j) => (j === i ? [] : [{ letters, value: x[j]! }]));
    const known = new Set([...out, ...others.flatMap((o) => o.letters)]);
    const kept = term.filter((l) => known.has(l));
    const equation = `${[out, ...others.map((o) => o.letters)].map((t) => t.join("")).join()}->${kept.join("")}`;
    const operands: Value[] = [dy, ...others.map((o) => o.value)];
    const product = b.node("Einsum", operands, { equation });
    const sizes = term.map((l) => (known.has(l) ? product.shape[kept.indexOf(l)]! : 1));
    return b.expand(b.reshape(product, sizes), sizes.map((size, axis) => Math.max(size, x[i]!.shape[axis]!))); // prettier-ignore
  });
};

/** Each term's subscripts, one letter for each axis, and the output's. */
function lettersOf({ node, x, y: [Y] }: VjpContext): { terms: string[][]; out: string[] } {
  const equation = String(node.attrs.equation).replace(/\s+/g, "");
  const [left = "", right] = equation.split("->") as [string, string?];
  const texts = left.split(",");
  const used = new Set(equation);
  const free = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((l) => !used.has(l));
  /** "..." counts its axes from the last, so that terms of different ranks broadcast. */
  const spell = (text: string, rank: number): string[] => {
    const at = text.indexOf("...");
    if (at < 0) return [...text];
    const count = rank - (text.length - 3);
    return [...text.slice(0, at), ...free.slice(0, count).reverse(), ...text.slice(at + 3)];
  };
  const terms = texts.map((text, i) => spell(text, x[i]!.shape.length));
  if (right !== undefined) return { terms, out: spell(right, Y.shape.length) };
  const once = [...used].filter((l) => /[a-zA-Z]/.test(l) && left.split(l).length === 2).sort();
  const dots = left.includes("...") ? "..." : "";
  return { terms, out: spell(`${dots}${once.join("")}`, Y.shape.length) };
}
