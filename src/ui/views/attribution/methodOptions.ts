/** The options that methods share: what each turns, in a sentence, with the value that it has when left alone. */
import type { Baseline } from "../../../api/attribution";

interface Told {
  title: string;
  /** What turning it does. */
  says: string;
}

/** A choice of one method. What is left out is the method's own, as `usual` says; null where that depends on the picture or the layer. */
export type Option = Told &
  (
    | { kind: "number"; field: string; unit?: string; usual: number | null; low: number; high: number; whole: boolean }
    | { kind: "baseline"; usual: Baseline["kind"] }
    | { kind: "layer" }
    | { kind: "backgrounds" }
    | { kind: "flag"; field: string }
    | { kind: "choice"; field: string; usual: string; of: readonly { value: string; title: string }[] }
  );

type Bounds = readonly [usual: number | null, low: number, high: number];

export const whole = (field: string, told: Told, [usual, low, high]: Bounds, unit?: string): Option => ({
  ...{ kind: "number", field, ...told, usual, low, high, whole: true },
  ...(unit ? { unit } : {}),
});
export const real = (field: string, told: Told, [usual, low, high]: Bounds, unit?: string): Option => ({
  ...{ kind: "number", field, ...told, usual, low, high, whole: false },
  ...(unit ? { unit } : {}),
});

export const seed = whole(
  "seed",
  { title: "Seed", says: "Another seed, other random numbers: a map that is to be trusted hardly changes." },
  [1, 0, 2 ** 32 - 1],
);
export const baseline = (usual: Baseline["kind"] = "black"): Option => ({
  ...{ kind: "baseline", title: "Baseline", usual },
  says: "The picture that stands for “nothing there”. What already has its colour cannot count.",
});
export const backgrounds: Option = {
  ...{ kind: "backgrounds", title: "Backgrounds" },
  says: "The pictures that paths begin at. Photos of yours do not travel with a link.",
};
export const layer: Option = {
  ...{ kind: "layer", title: "Layer" },
  says: "Deep layers are coarse and about objects, early ones fine and about edges.",
};
export const channels = (usual: number | null): Option =>
  whole("channels", { title: "Channels asked", says: "The strongest ones only; each costs a run of the network." }, [
    usual,
    1,
    10_000,
  ]);
export const noisy: readonly Option[] = [
  whole("samples", { title: "Samples", says: "Noisy copies: more are smoother, and take longer." }, [50, 1, 1000]),
  real("noise", { title: "Noise", says: "Its standard deviation, as a share of the picture's range." }, [0.15, 0, 10]),
  seed,
];
export const segments: readonly Option[] = [
  whole("samples", { title: "Samples", says: "Changed pictures that the network is asked about." }, [1000, 1, 100_000]),
  whole("segments", { title: "Superpixels", says: "Pieces of one colour that are hidden as a whole." }, [50, 2, 10_000]),
  baseline("mean"),
  seed,
];
export const points = whole(
  "points",
  { title: "Points", says: "Along the path: more make the gap smaller, and take longer." },
  [50, 1, 2000],
);
export const steps = (usual: number): Option =>
  whole("steps", { title: "Steps", says: "Along the path: more make the gap smaller, and take longer." }, [usual, 1, 2000]);
