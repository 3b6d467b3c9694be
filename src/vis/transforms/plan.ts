/**
 * The transforms of a recipe, planned: neighbouring maps of the plane become ONE resampling, blur and noise stand between them.
 * What is drawn at each step is fed; every picture of a batch has draws of its own, and so has every crop.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Random } from "../random";
import type { Transform } from "../recipe";
import {
  drawAffines,
  isAffine,
  sideAfter,
  stillAffines,
  transformedSize,
  warpReach,
  type Affine,
  type AffineTransform,
  type Moment,
} from "./affine";
import { drawNoise, drawSharpness, emitBlur, NO_BLUR, noiseInput } from "./filters";
import { axesInput, emitSeparable } from "./separable";
import { emitWarp, warpInputs } from "./warp";

export { transformedSize } from "./affine";

interface Shared {
  /** The graph's inputs begin with this. */
  name: string;
  /** Pictures, crops counted, before and after. */
  before: number;
  after: number;
}
type Segment = Shared &
  (
    | {
        kind: "map";
        transforms: readonly AffineTransform[];
        /** Side before, pixels. */
        from: number;
        to: readonly [height: number, width: number];
        zoom: number;
        border: number;
        separable: boolean;
      }
    | { kind: "blur"; transform: Extract<Transform, { kind: "blur" }>; zoom: number }
    | { kind: "noise"; transform: Extract<Transform, { kind: "noise" }>; size: readonly [height: number, width: number] }
  );

export interface TransformPlan {
  segments: readonly Segment[];
  batch: number;
  /** Views of each picture that the network sees at once. */
  copies: number;
  /** Inputs of the step graph that change from step to step. */
  inputs: readonly { name: string; shape: readonly number[] }[];
  /** Network pixels per picture pixel: 1, or more where the network has one input size only. */
  zoom: number;
}

/** Views of each picture that the network sees at once. */
export const copiesOf = (transforms: readonly Transform[]): number =>
  transforms.reduce((n, t) => (t.kind === "crops" ? n * t.count : n), 1);

/** The value outside the picture: the pads' own, or middle grey. */
export const borderValue = (transforms: readonly Transform[]): number => transforms.find((t) => t.kind === "pad")?.value ?? 0.5;

/** Plans `transforms` of pictures of `size` pixels a side for a network that takes `network` pixels. */
export function planTransforms(
  transforms: readonly Transform[],
  { size, network, batch }: { size: number; network: readonly [height: number, width: number]; batch: number },
): TransformPlan {
  const zoom = Math.max(...network) / transformedSize(size, transforms);
  const groups = grouped(
    transforms,
    network.some((side) => side !== size),
  );
  const lastMap = groups.findLastIndex((group) => group.length === 0 || isAffine(group[0]!));
  let side = size;
  let count = batch;
  const segments = groups.map((group, i): Segment => {
    const from = side;
    const before = count;
    side = group.reduce(sideAfter, side);
    count *= copiesOf(group);
    const shared: Shared = { name: `transform.${i}`, before, after: count };
    const [first] = group;
    const size: readonly [number, number] = i >= lastMap ? network : [side, side];
    if (first?.kind === "blur") return { ...shared, kind: "blur", transform: first, zoom: i > lastMap ? zoom : 1 };
    if (first?.kind === "noise") return { ...shared, kind: "noise", transform: first, size };
    const affine = group.filter(isAffine);
    const separable = affine.some((t) => t.kind === "crops") && !affine.some((t) => t.kind === "rotate");
    const map = {
      transforms: affine,
      from,
      to: size,
      zoom: i === lastMap ? zoom : 1,
      border: borderValue(transforms),
      separable,
    };
    return { ...shared, kind: "map", ...map };
  });
  return { segments, batch, copies: count / batch, inputs: segments.flatMap(inputsOf), zoom };
}

/** Neighbouring maps together, filters alone. A map is there where the size must change, even if nothing is drawn. */
function grouped(transforms: readonly Transform[], resized: boolean): Transform[][] {
  const groups: Transform[][] = [];
  for (const t of transforms) {
    const last = groups.at(-1);
    if (isAffine(t) && last && isAffine(last[0]!)) last.push(t);
    else groups.push([t]);
  }
  return resized && !transforms.some(isAffine) ? [[], ...groups] : groups;
}

function inputsOf(segment: Segment): { name: string; shape: readonly number[] }[] {
  const { name, after } = segment;
  switch (segment.kind) {
    case "map":
      return segment.separable
        ? [{ name: `${name}.axes`, shape: [after, 4] }]
        : ["warp", "unwarp"].map((part) => ({ name: `${name}.${part}`, shape: [after, 3, 2] }));
    case "blur":
      return [{ name: `${name}.sharpness`, shape: [after] }];
    case "noise":
      return [{ name: `${name}.noise`, shape: [after, 3, ...segment.size] }];
  }
}

/** Appends the transforms: picture [N, C, S, S] to [N * copies, C, H, W], each picture's copies together. `inputs` are the plan's, by name. */
export function emitTransforms(
  b: GraphBuilder,
  picture: Value,
  plan: TransformPlan,
  inputs: Readonly<Record<string, Value>>,
): Value {
  return plan.segments.reduce((x, segment) => {
    const input = (part: string): Value => inputs[`${segment.name}.${part}`]!;
    switch (segment.kind) {
      case "blur":
        return emitBlur(b, x, input("sharpness"));
      case "noise":
        return b.add(x, input("noise"));
      case "map": {
        const { to: size, border, before, after, transforms, from, zoom } = segment;
        const copies = after / before;
        if (segment.separable) return emitSeparable(b, x, input("axes"), { size, copies, border });
        const reach = warpReach(transforms, { size: from, zoom });
        return emitWarp(b, repeated(b, x, copies), input("warp"), input("unwarp"), { size, reach, border });
      }
    }
  }, picture);
}

/** [N, ...] -> [N * copies, ...], each `copies` times in a row. */
function repeated(b: GraphBuilder, x: Value, copies: number): Value {
  if (copies === 1) return x;
  const [count, ...rest] = x.shape as [number, ...number[]];
  const every = b.expand(b.reshape(x, [count, 1, ...rest]), [count, copies, ...rest]);
  return b.reshape(every, [count * copies, ...rest]);
}

/** One draw for step `at.step` of `at.steps`; `randoms` has a stream for each picture. */
export const drawTransforms = (plan: TransformPlan, randoms: readonly Random[], at: Moment): Record<string, Tensor> =>
  fed(plan, (segment, picture) => {
    const random = randoms[picture]!;
    const views = segment.after / plan.batch;
    switch (segment.kind) {
      case "map":
        return {
          maps: each(segment.before / plan.batch, () =>
            drawAffines(segment.transforms, { random, at, size: segment.from, zoom: segment.zoom }),
          ).flat(),
        };
      case "blur":
        return { sharpness: each(views, () => drawSharpness(segment.transform, random, segment.zoom)) };
      case "noise":
        return { noise: drawNoise(segment.transform, random, views * 3 * segment.size[0] * segment.size[1]) };
    }
  });

/** Nothing drawn: the whole picture, centred, neither blurred nor noisy. */
export const stillTransforms = (plan: TransformPlan): Record<string, Tensor> =>
  fed(plan, (segment) => {
    const views = segment.after / plan.batch;
    switch (segment.kind) {
      case "map":
        return {
          maps: each(segment.before / plan.batch, () =>
            stillAffines(segment.transforms, { size: segment.from, zoom: segment.zoom }),
          ).flat(),
        };
      case "blur":
        return { sharpness: each(views, () => NO_BLUR) };
      case "noise":
        return { noise: new Float32Array(views * 3 * segment.size[0] * segment.size[1]) };
    }
  });

const each = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

/** What one segment is fed for one picture. */
type Drawn = { maps: Affine[] } | { sharpness: number[] } | { noise: Float32Array };

/** Each picture draws through the whole list before the next one does, so that its numbers are those that it would draw alone. */
function fed(plan: TransformPlan, draw: (segment: Segment, picture: number) => Drawn): Record<string, Tensor> {
  const drawn = each(plan.batch, () => [] as Drawn[]);
  for (let picture = 0; picture < plan.batch; picture++)
    for (const segment of plan.segments) drawn[picture]!.push(draw(segment, picture));
  const feeds: Record<string, Tensor> = {};
  plan.segments.forEach(({ name, after, ...segment }, i) => {
    const of = drawn.map((picture) => picture[i]!);
    const maps = of.flatMap((d) => ("maps" in d ? d.maps : []));
    if (segment.kind === "blur")
      feeds[`${name}.sharpness`] = f32(Float32Array.from(of.flatMap((d) => ("sharpness" in d ? d.sharpness : []))), [after]);
    else if (segment.kind === "noise")
      feeds[`${name}.noise`] = noiseInput(of.flatMap((d) => ("noise" in d ? [d.noise] : [])), [after, 3, ...segment.size]); // prettier-ignore
    else if (segment.separable) feeds[`${name}.axes`] = axesInput(maps);
    else Object.assign(feeds, { [`${name}.warp`]: stacked(maps, "warp"), [`${name}.unwarp`]: stacked(maps, "unwarp") });
  });
  return feeds;
}

const stacked = (maps: readonly Affine[], which: "warp" | "unwarp"): Tensor =>
  f32(Float32Array.from(maps.flatMap((map) => [...warpInputs(map)[which]])), [maps.length, 3, 2]);
