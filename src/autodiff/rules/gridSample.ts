/** VJP of GridSample by the sampled picture. */
import type { GraphBuilder } from "../../onnx/builder";
import { OpError, type Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { number, type VjpRule } from "../rule";

/**
 * GridSample: Y[n, :, q] = sum over the pixels p around grid[n, q] of share(q, p) X[n, :, p].
 *
 *   X [N, C, H, W]   grid [N, h, w, 2], x first, -1..1 over the picture   Y [N, C, h, w]
 *   dX[n, :, p] = sum over q of share(q, p) dY[n, :, q]: every q scatters its cotangent to the pixels that it read
 *
 * "bilinear" reads four pixels, "nearest" one (halves go to the even one). Pixels outside have no share ("zeros"), or are those
 * that the border or the reflection puts there. The grid may be computed at run time, but not from what is differentiated by.
 */
export const gridSample: VjpRule = (c) => {
  const { b, node, x: [X, grid], dy, attrs, needs } = c; // prettier-ignore
  if (needs[1]) throw new OpError(node, "gradient of its grid asked for, but only the picture that it samples has a rule.");
  if (X.shape.length !== 4) throw new OpError(node, `samples over ${X.shape.length - 2} dimensions have no gradient rule; two have.`); // prettier-ignore
  const mode = attrs.mode ?? "bilinear";
  if (mode !== "bilinear" && mode !== "nearest")
    throw new OpError(node, `mode "${String(mode)}" has no gradient rule; bilinear and nearest have.`);

  const [n, channels, height, width] = X.shape as [number, number, number, number];
  const queries = dy.shape[2]! * dy.shape[3]!;
  const aligned = number(c, "align_corners", 0) === 1;
  const padding = String(attrs.padding_mode ?? "zeros");
  const axis = (size: number, i: number): Axis => {
    const place = b.reshape(b.slice(grid, [i], [i + 1], [3]), [n, 1, queries]);
    const from = b.add(place, 1); // to pixels from the first one's centre, rounded as ORT rounds
    const at = aligned ? b.mul(from, (size - 1) / 2) : b.mul(b.sub(b.mul(from, size), 1), 0.5);
    return around(b, at, { size, nearest: mode === "nearest", padding, aligned });
  };
  const [columns, rows] = [axis(width, 0), axis(height, 1)];
  const reads = columns.count * rows.count;

  // [n, rows, columns, queries]: every pixel that is read
  const tall = (value: Value) => b.reshape(value, [n, rows.count, 1, queries]);
  const wide = (value: Value) => b.reshape(value, [n, 1, columns.count, queries]);
  const index = b.cast(b.add(b.mul(tall(rows.pixel), width), wide(columns.pixel)), "int64");
  const share = b.mul(tall(rows.share), wide(columns.share));

  const all = [n, channels, reads * queries];
  const updates = b.mul(b.reshape(dy, [n, channels, 1, queries]), b.reshape(share, [n, 1, reads, queries]));
  const zeros = b.expand(b.scalar(0), [n, channels, height * width]);
  const everywhere = b.expand(b.reshape(index, [n, 1, reads * queries]), all);
  const summed = b.node("ScatterElements", [zeros, everywhere, b.reshape(updates, all)], { axis: 2, reduction: "add" });
  return [b.reshape(summed, X.shape)];
};

/** What is read along one axis: `count` pixels for each query, and their shares, both [n, count, queries]. */
interface Axis {
  count: number;
  pixel: Value;
  share: Value;
}

function around(
  b: GraphBuilder,
  at: Value,
  { size, nearest, padding, aligned }: { size: number; nearest: boolean; padding: string; aligned: boolean },
): Axis {
  const first = b.node(nearest ? "Round" : "Floor", [at]);
  const pixel = nearest ? first : b.add(first, b.constant(f32([0, 1], [2, 1]), "near_far"));
  const own = nearest ? b.expand(b.scalar(1), at.shape) : b.relu(b.sub(1, b.abs(b.sub(pixel, at))));
  const count = nearest ? 1 : 2;
  const last = b.scalar(size - 1);
  const clamped = b.node("Clip", [padding === "reflection" ? reflected(b, pixel, size, aligned) : pixel, b.scalar(0), last]);
  const share = padding === "zeros" ? b.where(b.equal(clamped, pixel), own, 0) : own;
  return { count, pixel: clamped, share };
}

/** A triangle wave over the pixels' centres (aligned) or their outer edges. */
function reflected(b: GraphBuilder, pixel: Value, size: number, aligned: boolean): Value {
  const [low, span] = aligned ? [0, Math.max(size - 1, 1)] : [-0.5, size];
  const along = b.sub(pixel, low);
  const turns = b.node("Floor", [b.mul(along, 1 / (2 * span))]);
  const within = b.sub(along, b.mul(turns, 2 * span));
  return b.add(b.sub(span, b.abs(b.sub(within, span))), low);
}
