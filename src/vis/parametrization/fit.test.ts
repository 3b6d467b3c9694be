/** Every parametrization can be a photo: ascent through the real step, from noise and without transforms. */
import { afterAll, describe, expect, test } from "vitest";
import { hasSharedData, photo, photoNames } from "../../../test/photos";
import { climb } from "../../engine/climb";
import { nodeRuntime } from "../../engine/ortNode";
import { pictureAlone } from "../../engine/prepare";
import { startOf } from "../../engine/start";
import { compileStepper } from "../../engine/stepper";
import { toPictures } from "../../engine/pictures";
import type { Picture } from "../../api/engine";
import type { Tensor } from "../../onnx/graph";
import { planObjective } from "../objective/program";
import { INPUT_LAYER } from "../objective/term";
import type { Objective } from "../objective/types";
import type { Bitmap } from "../resample";
import type { Parametrization, Recipe } from "../recipe";
import { lucid } from "../recipes";
import { testPicture } from "../testPictures";

const SIZE = 48;
const runtime = nodeRuntime(1);
afterAll(() => runtime.dispose());

const kinds: Record<Parametrization["kind"], Partial<Recipe> & { parametrization: Parametrization }> = {
  fourier: { parametrization: { kind: "fourier", sd: 0.01, decayPower: 1 }, optimizer: rate(0.1) },
  pixel: { parametrization: { kind: "pixel", sd: 0.01 } },
  pyramid: { parametrization: { kind: "pyramid", sd: 0.01, levels: 4 } },
  lowres: { parametrization: { kind: "lowres", sd: 0.01, factor: 3 } },
  cppn: { parametrization: { kind: "cppn", hidden: 24, layers: 8 }, steps: 500, optimizer: rate(0.005) },
  shared: { parametrization: { kind: "shared", sd: 0.01, decayPower: 1, factors: [2, 4, 8] } },
  maco: { parametrization: { kind: "maco", sd: 1, pictures: ["photo"] }, optimizer: rate(0.1) },
};
function rate(learningRate: number): Recipe["optimizer"] {
  return { kind: "adam", learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

const bitmap = (picture: Tensor): Bitmap => {
  const [{ width, height, rgba }] = toPictures(picture) as [Picture];
  return { width, height, data: rgba, channels: 4 };
};

/** Mean squared error of the finished picture, colours in 0..1. */
async function misfit(kind: Parametrization["kind"], target: Tensor): Promise<number> {
  const recipe: Recipe = {
    ...lucid,
    size: SIZE,
    steps: 250,
    transforms: [],
    redirectSteps: 0,
    schedule: { kind: "cosine", to: 0.05 },
    ...kinds[kind],
  };
  const likeness: Objective = { kind: "inversion", layer: INPUT_LAYER, picture: "photo" };
  const objective = planObjective(likeness, 1);
  const stepper = await compileStepper(runtime, pictureAlone(1, [SIZE, SIZE]), { objective, recipe });
  const options = { recipe, pictures: { photo: bitmap(target) }, signal: new AbortController().signal };
  const goal = { stepper, objective };
  const { scores, feeder } = await climb(goal, await startOf(goal, options), options);
  feeder.release();
  await stepper.dispose();
  const energy = (target.data as Float32Array).reduce((sum, v) => sum + v * v, 0) / target.data.length;
  return -scores.at(-1)! * energy; // the objective is the error over the target's own squares
}

describe.each(Object.keys(kinds) as Parametrization["kind"][])("%s", (kind) => {
  test.each([0, 1])("can be picture %i of those drawn by rule, mean squared error below 0.01", async (i) => {
    expect(await misfit(kind, testPicture([SIZE, SIZE], i))).toBeLessThan(0.01);
  });
  test.skipIf(!hasSharedData)("can be a photo, mean squared error below 0.01", async () => {
    expect(await misfit(kind, photo(photoNames()[7]!, SIZE))).toBeLessThan(0.01);
  });
});
