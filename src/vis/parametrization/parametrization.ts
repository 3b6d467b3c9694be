/**
 * From theta, which is optimised, to pictures in 0..1: RGB [N, 3, S, S], or straight RGBA [N, 4, S, S] where alpha is learned.
 * theta is one tensor, whatever it holds; each kind's file says what.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Bitmaps } from "../named";
import type { Random } from "../random";
import type { Parametrization, Recipe } from "../recipe";
import { channelsOfColor, emitColor } from "./color";
import { cppn } from "./cppn";
import { fourier, lowres, pixel, pyramid, shared, spectrumShape } from "./kinds";
import { maco } from "./maco";
import { noise, type Extent, type Extra, type Maker } from "./maker";
import { emitScaledSpectrum } from "./spectrum";

const makers: { [K in Parametrization["kind"]]: Maker<Extract<Parametrization, { kind: K }>> } = {
  fourier,
  pixel,
  pyramid,
  lowres,
  cppn,
  shared,
  maco,
};

const maker = ({ parametrization }: Pick<Recipe, "parametrization">) => makers[parametrization.kind] as Maker<Parametrization>;
const extentOf = ({ size, alpha }: Pick<Recipe, "size" | "alpha">, batch: number): Extent => ({
  size,
  batch,
  channels: alpha?.kind === "learned" ? 4 : 3,
});

/** Shape of theta. */
export const thetaShape = (recipe: Recipe, batch: number): number[] =>
  maker(recipe).shape(recipe.parametrization, extentOf(recipe, batch));

/** The start: seeded noise in theta's shape, a stream for each picture. */
export const initialTheta = (recipe: Recipe, randoms: readonly Random[]): Float32Array =>
  maker(recipe).init(recipe.parametrization, extentOf(recipe, randoms.length), randoms);

const extras = (recipe: Recipe): Record<string, Extra> =>
  maker(recipe).extra?.(recipe.parametrization, extentOf(recipe, recipe.batch)) ?? {};

/** Shapes of what is fed at every step besides theta, by input name. */
export const extraShapes = (recipe: Recipe): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(extras(recipe)).map(([name, { shape }]) => [name, shape]));

/** What is fed at every step besides theta. Throws PictureMissingError when a picture that the recipe names is not given. */
export const extraInputs = (recipe: Recipe, pictures: Bitmaps): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(extras(recipe)).map(([name, { shape, data }]) => [name, f32(data(pictures), shape)]));

/** theta -> pictures. `extra` are the inputs of extraShapes. */
export function emitPicture(b: GraphBuilder, recipe: Recipe, theta: Value, extra: Readonly<Record<string, Value>>): Value {
  // a theta that pictures share does not say how many they are, so the recipe does
  const extent = extentOf(recipe, recipe.batch);
  const flat = maker(recipe).emit(b, recipe.parametrization, theta, extent, extra);
  if (extent.channels === 3) return emitColor(b, recipe.color, flat);
  const colours = emitColor(b, recipe.color, b.slice(flat, [0], [3], [1]));
  return b.concat([colours, b.sigmoid(b.slice(flat, [3], [4], [1]))], 1);
}

/** Logit of the alpha of a picture that one starts from: nearly opaque, with a gradient left. */
const OPAQUE = 3;

/** theta of one picture [1, 3, S, S], which comes out again within half of a byte's step; null where it has to be fitted. */
export function thetaFrom(recipe: Recipe, picture: Tensor): Float32Array | null {
  const { inverse } = maker(recipe);
  if (!inverse) return null;
  const extent = extentOf(recipe, 1);
  const plane = recipe.size ** 2;
  const flat = new Float32Array(extent.channels * plane).fill(OPAQUE);
  flat.set(channelsOfColor(recipe.color, picture.data as Float32Array, plane));
  return inverse(recipe.parametrization, flat, extent);
}

/** Shape of the noise that backgrounds are made of: spectra of three channels. */
export const noiseShape = ({ size }: Recipe, batch: number): number[] => spectrumShape({ size, batch, channels: 3 });

/** Noise for one step's backgrounds, as strong as the recipe's `background`. */
export function backgroundNoise(recipe: Recipe, randoms: readonly Random[]): Tensor {
  const shape = noiseShape(recipe, randoms.length);
  return f32(noise(recipe.alpha?.kind === "learned" ? recipe.alpha.background : 0, shape, randoms), shape);
}

/** Noise -> backgrounds [N, 3, S, S] in 0..1 with the spectrum and the colours of natural pictures (Lucid's collapse_alpha_random). */
export const emitBackground = (b: GraphBuilder, spectra: Value, size: number): Value =>
  emitColor(b, "decorrelated", emitScaledSpectrum(b, spectra, size, 1));
