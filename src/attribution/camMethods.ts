/** The methods over one layer's activations, by name. */
import { f32 } from "../onnx/tensor";
import { ablationCam } from "./ablationCam";
import { eigenCam, gradCam, gradCamPlusPlus, hiResCam, layerCam, xGradCam, type Cam } from "./cam";
import { enlarged } from "./enlarge";
import type { Method, Methods } from "./probe";
import { scoreCam } from "./scoreCam";
import type { CamMethod } from "./types";

const overLayer =
  (cam: Cam): Method<CamMethod> =>
  async ({ probe, picture }, { layer }) => {
    const { scores, activations, gradients } = await probe.layer(picture, layer);
    const grid = [activations.shape[2]!, activations.shape[3]!] as const;
    const map = enlarged(cam(activations, gradients), grid, probe.size);
    return { map: f32(map, probe.size), score: scores[0]!, complete: null };
  };

export const camMethods: Methods<CamMethod> = {
  gradCam: overLayer(gradCam),
  gradCamPlusPlus: overLayer(gradCamPlusPlus),
  hiResCam: overLayer(hiResCam),
  xGradCam: overLayer(xGradCam),
  layerCam: overLayer(layerCam),
  eigenCam: overLayer(eigenCam),
  scoreCam,
  ablationCam,
};
