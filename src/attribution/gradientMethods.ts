/** The methods that need gradients by the picture, by name. */
import { blurIg } from "./blurIg";
import { deconvNet } from "./deconvNet";
import { deepLift } from "./deepLift";
import { expectedGradients } from "./expectedGradients";
import { guidedBackprop } from "./guidedBackprop";
import { guidedIg } from "./guidedIg";
import { inputXGradient } from "./inputXGradient";
import { integratedGradients } from "./integratedGradients";
import { lrp } from "./lrp";
import type { Methods } from "./probe";
import { saliency } from "./saliency";
import { smoothGrad } from "./smoothGrad";
import { smoothGradSquared } from "./smoothGradSquared";
import type { GradientMethod } from "./types";
import { varGrad } from "./varGrad";

export const gradientMethods: Methods<GradientMethod> = {
  saliency,
  inputXGradient,
  integratedGradients,
  smoothGrad,
  smoothGradSquared,
  varGrad,
  guidedIg,
  blurIg,
  expectedGradients,
  guidedBackprop,
  deconvNet,
  deepLift,
  lrp,
};
