/** What stands for "nothing there": the picture that a path starts from. */
import { sizeOf, type Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { seeded } from "../vis/random";
import { blurred } from "./blur";
import type { MethodContext } from "./probe";
import type { Baseline } from "./types";

export const BLACK: Baseline = { kind: "black" };
/** Pixels of the network's input: of what is left at 224 pixels one can tell colours, not things. */
const BLUR_SIGMA = 20;

/** The baseline as a picture [1, 3, H, W], RGB in 0..1. */
export function baselinePicture(baseline: Baseline, { picture, probe }: Pick<MethodContext, "picture" | "probe">): Tensor {
  const { shape } = picture;
  const plane = shape[2]! * shape[3]!;
  const filled = (value: (i: number) => number): Tensor =>
    f32(
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
      shape,
    );
  switch (baseline.kind) {
    case "black":
      return filled(() => 0);
    case "white":
      return filled(() => 1);
    case "blur":
      return blurred(picture, baseline.sigma ?? BLUR_SIGMA);
    case "noise": {
      const random = seeded(baseline.seed ?? 1, "baseline");
      return filled(() => random.uniform());
    }
    case "mean":
      return filled((i) => probe.mean[Math.floor(i / plane)]!);
  }
}
