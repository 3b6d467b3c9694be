/**
 * Random transforms between the picture and the network, so that a unit is shown what it finds from any stand-point, not noise that
 * works from one (Olah et al. 2017). Each step draws new numbers, and the whole list becomes ONE affine map, sampled once:
 *
 *   source = A * target + t       (x, y) of a pixel of the network's input  ->  (x, y) of the picture, both in pixels from the centre
 *
 * Lucid resamples after every transform and so changes size from step to step; here the network's input has one size,
 * that of Lucid's at scale 1. Everything outside the picture is the pad's value, as with Lucid's pad of constant grey.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Random } from "../random";
import type { Transform } from "../recipe";
import { emitWarp, warpInputs } from "./warp";

/** Row-major [a, b, tx, c, d, ty]: source x = a x + b y + tx, source y = c x + d y + ty. */
export type Affine = readonly [number, number, number, number, number, number];

const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** `first` after `then`: the map that applies `then` to a point, and `first` to the result. */
function compose(first: Affine, then: Affine): Affine {
  const [a, b, tx, c, d, ty] = first;
  const [e, f, ux, g, h, uy] = then;
  return [a * e + b * g, a * f + b * h, a * ux + b * uy + tx, c * e + d * g, c * f + d * h, c * ux + d * uy + ty];
}

const translation = (x: number, y: number): Affine => [1, 0, x, 0, 1, y];

/** Side of the network's input after `transforms`, for a picture of `size` pixels; scale and rotation leave it as it is. */
export function transformedSize(size: number, transforms: readonly Transform[]): number {
  return transforms.reduce(
    (s, t) => (t.kind === "pad" ? s + 2 * t.pixels : t.kind === "jitter" ? s - t.pixels : t.kind === "crops" ? t.pixels : s),
    size,
  );
}

/** The value outside the picture: the pads' own, or middle grey. */
export const borderValue = (transforms: readonly Transform[]): number => transforms.find((t) => t.kind === "pad")?.value ?? 0.5;

/**
 * One draw of the whole list as a map from the network's input to the picture. Later transforms act on the result of earlier ones.
 * `zoom` is how much larger than the transformed size the network's input is (1 unless the network has one size only).
 */
export function drawAffine(transforms: readonly Transform[], random: Random, zoom = 1): Affine {
  let map = IDENTITY;
  for (const t of transforms) {
    switch (t.kind) {
      case "pad":
        break; // about the centre, so the map stays
      case "flip":
        if (random.integer(2)) map = compose(map, [-1, 0, 0, 0, 1, 0]);
        break;
      case "crops":
      case "blur":
      case "noise":
        throw new Error(`transform "${t.kind}" is not built yet`);
      case "jitter": {
        // the cut window's centre lies off the old centre by its offset less half of what was cut
        const [x, y] = [random.integer(t.pixels + 1), random.integer(t.pixels + 1)];
        map = compose(map, translation(x - t.pixels / 2, y - t.pixels / 2));
        break;
      }
      case "scale": {
        const factor = random.pick(t.factors);
        map = compose(map, [1 / factor, 0, 0, 0, 1 / factor, 0]);
        break;
      }
      case "rotate": {
        const angle = (random.pick(t.degrees) * Math.PI) / 180;
        map = compose(map, [Math.cos(angle), -Math.sin(angle), 0, Math.sin(angle), Math.cos(angle), 0]);
        break;
      }
    }
  }
  return compose(map, [1 / zoom, 0, 0, 0, 1 / zoom, 0]);
}

/** The centred map: what the picture is looked at through when nothing is drawn. */
export const centredAffine = (zoom = 1): Affine => [1 / zoom, 0, 0, 0, 1 / zoom, 0];

/**
 * How many pixels of the network's input, along each axis and to each side, can read one pixel of the picture:
 * the most that any draw of the transforms allows. See warp.ts.
 */
export function warpReach(transforms: readonly Transform[], zoom = 1): number {
  let factor = zoom;
  let spread = 1;
  for (const t of transforms) {
    if (t.kind === "scale") factor *= Math.max(...t.factors.map(Math.abs));
    if (t.kind === "rotate") {
      const angle = Math.max(...t.degrees.map((d) => Math.abs(d % 90)));
      const radians = (Math.min(angle, 45) * Math.PI) / 180;
      spread *= Math.cos(radians) + Math.sin(radians);
    }
  }
  // a target is read from if its source lies less than 1 away; seen from the nearest whole target, half a pixel is added
  return Math.max(1, Math.ceil(factor * spread + 0.5) - 1);
}

/** The transforms of a recipe, planned for a batch and the network's input. */
export interface TransformPlan {
  transforms: readonly Transform[];
  /** Views of each picture that the network sees at once. */
  copies: number;
  batch: number;
  /** Inputs of the step graph that change from step to step. */
  inputs: readonly { name: string; shape: readonly number[] }[];
  size: readonly [height: number, width: number];
  zoom: number;
}

/** Views of each picture that the network sees at once. */
export const copiesOf = (transforms: readonly Transform[]): number =>
  transforms.reduce((n, t) => (t.kind === "crops" ? n * t.count : n), 1);

/** Plans `transforms` of pictures of `size` pixels a side for a network that takes `network` pixels. */
export function planTransforms(
  transforms: readonly Transform[],
  { size, network, batch }: { size: number; network: readonly [height: number, width: number]; batch: number },
): TransformPlan {
  const zoom = Math.max(...network) / transformedSize(size, transforms);
  const inputs = ["transform.warp", "transform.unwarp"].map((name) => ({ name, shape: [batch, 3, 2] }));
  return { transforms, copies: 1, batch, inputs, size: network, zoom };
}

/** Appends the transforms: picture [N, C, S, S] to [N * copies, C, H, W]. `inputs` are the plan's, by name. */
export function emitTransforms(
  b: GraphBuilder,
  picture: Value,
  plan: TransformPlan,
  inputs: Readonly<Record<string, Value>>,
): Value {
  return emitWarp(b, picture, inputs["transform.warp"]!, inputs["transform.unwarp"]!, {
    size: plan.size,
    reach: warpReach(plan.transforms, plan.zoom),
    border: borderValue(plan.transforms),
  });
}

/** One draw for step `step` of `steps`: `randoms` has a stream for each picture. */
export const drawTransforms = (
  plan: TransformPlan,
  randoms: readonly Random[],
  at: { step: number; steps: number },
): Record<string, Tensor> => {
  if (at.step < 1) throw new Error(`steps are counted from 1, but this is ${at.step}`);
  return mapInputs(randoms.map((random) => drawAffine(plan.transforms, random, plan.zoom)));
};

/** Nothing drawn: the centred picture. */
export const stillTransforms = (plan: TransformPlan): Record<string, Tensor> =>
  mapInputs(Array.from({ length: plan.batch }, () => centredAffine(plan.zoom)));

function mapInputs(maps: readonly Affine[]): Record<string, Tensor> {
  const made = maps.map(warpInputs);
  const stacked = (rows: readonly Float32Array[]): Tensor =>
    f32(Float32Array.from(rows.flatMap((row) => [...row])), [rows.length, 3, 2]);
  return {
    "transform.warp": stacked(made.map(({ warp }) => warp)),
    "transform.unwarp": stacked(made.map(({ unwarp }) => unwarp)),
  };
}
