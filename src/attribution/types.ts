/**
 * What is asked of attribution, as plain JSON: it crosses to the worker, sits in links, and keys the cache. Types only.
 *
 * A target is one number of the network for one picture; a method says how much every pixel counts for it. Layers, classes and positions
 * are named as in vis/objective/types.ts: x counts columns, y rows, both from the top left.
 */

export type AttributionTarget =
  /**
   * The network's answer, before any softmax, for a class by its name or number. Where the answer is a map (a detector's), the position
   * where it is highest on this picture, unless x and y say another.
   */
  | { kind: "class"; class: string | number; x?: number; y?: number }
  /** One channel of a layer: its mean over positions, or one position of it where x and y are given. */
  | { kind: "unit"; layer: string; channel: number; x?: number; y?: number }
  /** Dot product of a layer with `vector` [C]: mean over positions, or one position. */
  | { kind: "direction"; layer: string; vector: number[]; x?: number; y?: number }
  /** Why this rather than that: the one target less the other. */
  | { kind: "difference"; of: AttributionTarget; minus: AttributionTarget };

/** Where a path starts, or what stands for "nothing there"; RGB in 0..1. */
export type Baseline =
  | { kind: "black" }
  | { kind: "white" }
  /** The picture itself under a Gaussian blur; `sigma` in pixels of the network's input (20 when left out). */
  | { kind: "blur"; sigma?: number }
  /** Uniform noise (seed 1 when left out). */
  | { kind: "noise"; seed?: number }
  /** The mean colour of the pictures that the network learnt from, as its card tells it; ImageNet's where it tells none. */
  | { kind: "mean" };

/** Methods that only need gradients by the picture, with the true rules or with others. */
export type GradientMethod =
  /** |gradient| (Simonyan et al. 2013); `signed` keeps the sign. */
  | { name: "saliency"; signed?: boolean }
  /** Gradient times picture, less the baseline (Shrikumar et al. 2016; black when left out). */
  | { name: "inputXGradient"; baseline?: Baseline }
  /**
   * Sundararajan et al. 2017, in `points` (50) from `baseline` (black); `rule` says where they lie: where they are needed ("adaptive", when left
   * out; as long as their gradients fit in 256 MB), or as Gauss and Legendre have them.
   */
  | { name: "integratedGradients"; points?: number; baseline?: Baseline; rule?: "adaptive" | "gaussLegendre" }
  /** Mean gradient under noise (Smilkov et al. 2017): `samples` (50), `noise` as a share of the picture's range (0.15), `seed` (1). */
  | { name: "smoothGrad"; samples?: number; noise?: number; seed?: number }
  /** The same of the gradient's square (Hooker et al. 2019). */
  | { name: "smoothGradSquared"; samples?: number; noise?: number; seed?: number }
  /** Variance of the gradient under noise (Adebayo et al. 2018). */
  | { name: "varGrad"; samples?: number; noise?: number; seed?: number }
  /**
   * Kapishnikov et al. 2021: the path moves the `fraction` (0.25) of pixels with the smallest gradient first, within `maxDistance` (0.02) of
   * the straight one, in `steps` (100), from `baseline` (black).
   */
  | { name: "guidedIg"; steps?: number; fraction?: number; maxDistance?: number; baseline?: Baseline }
  /** Xu et al. 2020: the path takes a blur away, from `sigma` (50 pixels) to none, in `steps` (50). */
  | { name: "blurIg"; steps?: number; sigma?: number }
  /**
   * Erion et al. 2021 (GradientSHAP): a mean over `samples` (64) pairs of a random background and a random point of the path from it.
   * Backgrounds are the request's pictures by these names; left out, pictures that are drawn by rule.
   */
  | { name: "expectedGradients"; samples?: number; seed?: number; backgrounds?: string[] }
  /** Springenberg et al. 2014. */
  | { name: "guidedBackprop" }
  /** Zeiler and Fergus 2014. */
  | { name: "deconvNet" }
  /** Shrikumar et al. 2017, rescale rule, against `baseline` (black). */
  | { name: "deepLift"; baseline?: Baseline }
  /** Bach et al. 2015, Montavon et al. 2019: see LrpComposite; `epsilon` (1e-6) and `gamma` (0.25) where the composite has them. */
  | { name: "lrp"; composite?: LrpComposite; epsilon?: number; gamma?: number };

/**
 * Which rule for which layer, as Zennit composes them (Anders et al. 2021): "epsilonPlus" (when left out) is z+ for convolutions and epsilon
 * for dense layers, Flat and Box say what the first convolution has instead.
 */
export type LrpComposite =
  | "epsilon"
  | "gamma"
  | "zPlus"
  | "epsilonPlus"
  | "epsilonPlusFlat"
  | "epsilonGammaBox"
  | "epsilonAlpha2Beta1"
  | "epsilonAlpha2Beta1Flat";

/**
 * Methods over one layer's activations [C, h, w], enlarged to the picture. `layer` by any of its names; left out, the last one with the
 * coarsest grid of more than one position before the target.
 */
export type CamMethod =
  | { name: "gradCam"; layer?: string }
  | { name: "gradCamPlusPlus"; layer?: string }
  | { name: "hiResCam"; layer?: string }
  | { name: "xGradCam"; layer?: string }
  | { name: "layerCam"; layer?: string }
  | { name: "eigenCam"; layer?: string }
  | { name: "scoreCam"; layer?: string; channels?: number }
  | { name: "ablationCam"; layer?: string; channels?: number };

/** Methods that only look at what the network answers to changed pictures, and XRAI, which looks at regions. */
export type BlackBoxMethod =
  | { name: "occlusion"; patch?: number; stride?: number; baseline?: Baseline }
  | { name: "rise"; masks?: number; cells?: number; keep?: number; seed?: number; baseline?: Baseline }
  | { name: "lime"; samples?: number; segments?: number; seed?: number; baseline?: Baseline }
  | { name: "kernelShap"; samples?: number; segments?: number; seed?: number; baseline?: Baseline }
  | { name: "xrai"; points?: number };

export type AttributionMethod = GradientMethod | CamMethod | BlackBoxMethod;
export type MethodName = AttributionMethod["name"];

/** What is asked cannot be attributed: the message names the field, the value and what is possible. */
export class AttributionError extends Error {
  override readonly name = "AttributionError";
}
