/** The parametrizations that are pictures or spectra: pixels, Fourier, and what is enlarged from less. */
import type { Value } from "../../onnx/graph";
import type { Parametrization } from "../recipe";
import { enlarge, noise, volume, type Extent, type Maker } from "./maker";
import { emitScaledSpectrum, halfOf, spectrumOf, spectrumScale } from "./spectrum";

type Of<K extends Parametrization["kind"]> = Extract<Parametrization, { kind: K }>;

export const pixel: Maker<Of<"pixel">> = {
  shape: (_, { size, batch, channels }) => [batch, channels, size, size],
  init: (p, extent, randoms) => noise(p.sd, pixel.shape(p, extent), randoms),
  emit: (_b, _p, theta) => theta,
  inverse: (_, flat) => flat,
};

export const spectrumShape = ({ size, batch, channels }: Extent): number[] => [batch, channels, 2 * size, halfOf(size)];

export const fourier: Maker<Of<"fourier">> = {
  shape: (_, extent) => spectrumShape(extent),
  init: (p, extent, randoms) => noise(p.sd, spectrumShape(extent), randoms),
  emit: (b, p, theta, { size }) => emitScaledSpectrum(b, theta, size, p.decayPower),
  inverse: (p, flat, { size, channels }) => {
    const scale = spectrumScale(size, p.decayPower);
    const theta = new Float32Array(channels * scale.length);
    for (let c = 0; c < channels; c++) {
      const spectrum = spectrumOf(flat.subarray(c * size * size, (c + 1) * size * size), size);
      theta.set(
        spectrum.map((v, i) => v / scale[i]!),
        c * scale.length,
      );
    }
    return theta;
  },
};

/** Sides of a pyramid's levels, the finest first. */
const sidesOf = ({ levels }: Of<"pyramid">, { size }: Extent): number[] =>
  Array.from({ length: levels }, (_, i) => Math.max(1, Math.ceil(size / 2 ** i)));

export const pyramid: Maker<Of<"pyramid">> = {
  shape: (p, extent) => [extent.batch, extent.channels, sidesOf(p, extent).reduce((sum, side) => sum + side * side, 0)],
  init: (p, extent, randoms) => noise(p.sd, pyramid.shape(p, extent), randoms),
  emit: (b, p, theta, extent) => {
    let from = 0;
    const levels = sidesOf(p, extent).map((side): Value => {
      const level = b.slice(theta, [from], [from + side * side], [2]);
      from += side * side;
      return enlarge(b, b.reshape(level, [extent.batch, extent.channels, side, side]), extent.size);
    });
    return levels.reduce((sum, level) => b.add(sum, level));
  },
};

const reduced = (size: number, factor: number): number => Math.max(1, Math.ceil(size / factor));

export const lowres: Maker<Of<"lowres">> = {
  shape: (p, { size, batch, channels }) => [batch, channels, reduced(size, p.factor), reduced(size, p.factor)],
  init: (p, extent, randoms) => noise(p.sd, lowres.shape(p, extent), randoms),
  emit: (b, _, theta, { size }) => enlarge(b, theta, size),
};

/** What is shared lies behind what each picture has for itself, all in one row: [N * own + shared]. */
export const shared: Maker<Of<"shared">> = {
  shape: (p, extent) => [
    volume(spectrumShape(extent)) + sharedSides(p, extent).reduce((sum, side) => sum + extent.channels * side * side, 0),
  ],
  init: (p, extent, randoms) => {
    const own = noise(p.sd, spectrumShape(extent), randoms);
    const theta = new Float32Array(shared.shape(p, extent)[0]!);
    theta.set(own);
    for (let i = own.length; i < theta.length; i++) theta[i] = p.sd * randoms[0]!.normal();
    return theta;
  },
  emit: (b, p, theta, extent) => {
    const { size, channels } = extent;
    let from = volume(spectrumShape(extent));
    const own = b.reshape(b.slice(theta, [0], [from], [0]), spectrumShape(extent));
    const layers = sharedSides(p, extent).map((side): Value => {
      const layer = b.slice(theta, [from], [from + channels * side * side], [0]);
      from += channels * side * side;
      return enlarge(b, b.reshape(layer, [1, channels, side, side]), size);
    });
    return layers.reduce((sum, layer) => b.add(sum, layer), emitScaledSpectrum(b, own, size, p.decayPower));
  },
};

const sharedSides = ({ factors }: Of<"shared">, { size }: Extent): number[] => factors.map((factor) => reduced(size, factor));
