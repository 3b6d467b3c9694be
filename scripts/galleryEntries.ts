/** What docs/gallery.md shows: a picture for each capability, as the command line's own arguments. */
import type { Objective } from "../src/vis/objective/types";

export interface Entry {
  /** The picture's file name, without its ending. */
  id: string;
  title: string;
  /** One or two sentences: what it is, and what to look at. */
  text: string;
  objective: Objective;
  /** Further arguments of `npm run render`. */
  args?: readonly string[];
  /** PNG unless it moves. */
  ending?: "gif";
}
export interface Chapter {
  title: string;
  text: string;
  entries: readonly Entry[];
}

const layer = "block 12, expanded";
const unit: Objective = { kind: "channel", layer, channel: 6 };
const other: Objective = { kind: "channel", layer, channel: 42 };
const less = (by: number, of: Objective): Objective => ({ kind: "scale", by: -by, of });
const sum = (...of: Objective[]): Objective => ({ kind: "sum", of });
/** A direction in block 5, which has 32 channels. */
const early = "block 5";
const vector = Array.from({ length: 32 }, (_, c) => ({ 7: 1, 12: 1, 20: -1 })[c] ?? 0);
const recipe = (fields: object): string[] => ["--recipe", JSON.stringify(fields)];
const over = (name: string, fields: object): string[] => ["--recipe", name, ...recipe(fields)];
const own = ["--picture", "photo=docs/gallery/channel.png"];
const five = ["--batch", "5", "--columns", "5", "--size", "96"];

export const chapters: readonly Chapter[] = [
  {
    title: "Objectives",
    text: "What is maximised. Every one is JSON, and they add up, multiply and scale.",
    entries: [
      { id: "channel", title: "Channel", text: "The mean of one channel over all positions.", objective: unit },
      {
        id: "neuron",
        title: "Neuron",
        text: "One position of it: the centre, where nothing else is said.",
        objective: { kind: "neuron", layer, channel: 6 },
      },
      {
        id: "negative",
        title: "Negative",
        text: "What a unit likes least: any objective times a negative number.",
        objective: less(1, unit),
      },
      {
        id: "direction",
        title: "Direction",
        text: "The dot product with a vector over channels; here three of block 5's thirty-two channels.",
        objective: { kind: "direction", layer: early, vector },
      },
      {
        id: "direction-cosine",
        title: "Direction, with its cosine",
        text: "The same times the cosine squared, so that the direction counts more than the strength.",
        objective: { kind: "direction", layer: early, vector, cosinePower: 2 },
      },
      {
        id: "tensor",
        title: "Tensor direction",
        text: "A direction that differs from place to place: two positions side by side.",
        objective: { kind: "tensor", layer: early, tensor: vector.flatMap((v) => [v, -v]), shape: [32, 1, 2], cosinePower: 1 },
      },
      {
        id: "group",
        title: "Local group",
        text: "A direction over a window of positions, here 4 x 4 in the upper left.",
        objective: { kind: "group", layer: early, vector, x: 2, y: 2, width: 4, height: 4 },
      },
      {
        id: "painting",
        title: "Activation painting",
        text: "A mask painted over the layer's grid: here a diagonal.",
        objective: { kind: "painting", layer, channel: 6, mask: [1, 0, 0, 0, 1, 0, 0, 0, 1], grid: [3, 3] },
      },
      {
        id: "deepdream",
        title: "DeepDream",
        text: "The mean square of a whole layer: whatever it sees, more of it.",
        objective: { kind: "deepdream", layer: "block 9" },
      },
      {
        id: "class",
        title: "Class, by name",
        text: "The network's answer for a class, before any sigmoid or softmax.",
        objective: { kind: "class", class: "clock" },
      },
      { id: "joint-units", title: "Two units", text: "A sum of channels of one layer.", objective: sum(unit, other) },
      {
        id: "joint-layers",
        title: "Two layers",
        text: "A sum over layers: block 12 for the forms, block 5 for what they are made of.",
        objective: sum(unit, { kind: "scale", by: 2, of: { kind: "channel", layer: "block 5", channel: 7 } }),
      },
      {
        id: "product",
        title: "Product",
        text: "Both must be there: a product is large only where its factors are.",
        objective: {
          kind: "product",
          of: [sum(unit, { kind: "constant", value: 1 }), sum(other, { kind: "constant", value: 1 })],
        },
      },
    ],
  },
  {
    title: "Against a picture",
    text: "The pictures here are ones that are drawn by rule, or the first picture of this page.",
    entries: [
      {
        id: "inversion",
        title: "Feature inversion",
        text: "What of the first picture block 5 still knows: a picture with the same activations.",
        objective: { kind: "inversion", layer: "block 5", picture: "photo" },
        args: own,
      },
      {
        id: "inversion-deep",
        title: "Feature inversion, deeper",
        text: "Block 12 knows much less of where things were.",
        objective: { kind: "inversion", layer, picture: "photo" },
        args: own,
      },
      {
        id: "caricature",
        title: "Caricature",
        text: "More of what block 9 sees in a picture drawn by rule.",
        objective: { kind: "caricature", layer: "block 9", picture: "drawn:1", cosinePower: 4 },
      },
      {
        id: "accentuation",
        title: "Feature accentuation",
        text: "From a picture on, towards the unit, held to what it was in an early layer.",
        objective: sum(unit, { kind: "scale", by: 2, of: { kind: "inversion", layer: "block 3", picture: "photo" } }),
        args: ["--recipe", "accentuation", "--picture", "photo=docs/gallery/caricature.png"],
      },
    ],
  },
  {
    title: "Penalties",
    text: "Of the picture itself; each is subtracted from the channel above.",
    entries: [
      {
        id: "total-variation",
        title: "Total variation",
        text: "Neighbouring pixels may differ less.",
        objective: sum(unit, less(40, { kind: "totalVariation" })),
      },
      {
        id: "l1",
        title: "L1",
        text: "Values are drawn towards grey, the weak ones all the way.",
        objective: sum(unit, less(20, { kind: "l1" })),
      },
      {
        id: "l2",
        title: "L2",
        text: "Values are drawn towards grey, the strong ones more.",
        objective: sum(unit, less(20, { kind: "l2" })),
      },
      {
        id: "blur",
        title: "Blur at each step",
        text: "High frequencies must be worth it: each step takes some of them back.",
        objective: sum(unit, less(0.02, { kind: "blurEachStep" })),
      },
      {
        id: "boundary",
        title: "A calm border",
        text: "Variation and colour within 24 pixels of the border cost.",
        objective: sum(unit, less(100, { kind: "boundary", width: 24 })),
      },
    ],
  },
  {
    title: "Several pictures at once",
    text: "A batch is made in one step: one compiled graph, all pictures side by side.",
    entries: [
      {
        id: "seeds",
        title: "Seeds",
        text: "One unit from four starts.",
        objective: unit,
        args: ["--batch", "4", "--columns", "4", "--size", "96"],
      },
      {
        id: "diversity",
        title: "Diversity",
        text: "The same four, pushed apart: their Gram matrices may not be alike.",
        objective: sum(unit, less(12, { kind: "diversity", layer: "block 9" })),
        args: ["--batch", "4", "--columns", "4", "--size", "96"],
      },
      {
        id: "interpolation",
        title: "Interpolation",
        text: "From one channel to another.",
        objective: { kind: "interpolate", from: unit, to: other },
        args: five,
      },
      {
        id: "aligned",
        title: "Aligned interpolation",
        text: "The same with low frequencies that all five share, and neighbours held together: what is the same stays in its place.",
        objective: sum(
          { kind: "interpolate", from: unit, to: other },
          { kind: "scale", by: 20, of: { kind: "alignment", layer: "input" } },
        ),
        args: [
          ...recipe({
            parametrization: { kind: "shared", sd: 0.01, decayPower: 1.5, factors: [2, 4, 8, 16] },
            optimizer: { kind: "adam", learningRate: 0.015, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
          }),
          ...five,
        ],
      },
      {
        id: "sheet",
        title: "Units by seeds",
        text: "Three units, two seeds each.",
        objective: {
          kind: "each",
          of: [6, 6, 42, 42, 100, 100].map((channel): Objective => ({ kind: "channel", layer, channel })),
        },
        args: [...over("soft", { seeds: [1, 2, 1, 2, 1, 2] }), "--batch", "6", "--columns", "6", "--size", "96"],
      },
    ],
  },
  {
    title: "Parametrizations and colour",
    text: "What is optimised in place of pixels. It changes what one sees as much as the unit does.",
    entries: [
      {
        id: "fourier",
        title: "Fourier",
        text: "A spectrum with the energies of natural pictures.",
        objective: unit,
        args: ["--recipe", "lucid", "--steps", "128"],
      },
      {
        id: "pixel",
        title: "Pixels",
        text: "The pixels themselves: high frequencies win.",
        objective: unit,
        args: [...recipe({ parametrization: { kind: "pixel", sd: 0.01 } })],
      },
      {
        id: "pyramid",
        title: "Laplacian pyramid",
        text: "A sum of pictures of halved sizes.",
        objective: unit,
        args: [...recipe({ parametrization: { kind: "pyramid", sd: 0.01, levels: 5 } })],
      },
      {
        id: "lowres",
        title: "Low resolution",
        text: "A quarter of the side, enlarged.",
        objective: unit,
        args: [...recipe({ parametrization: { kind: "lowres", sd: 0.01, factor: 4 } })],
      },
      {
        id: "cppn",
        title: "CPPN",
        text: "A small network from place to colour: smooth at any size.",
        objective: unit,
        args: [
          ...recipe({
            parametrization: { kind: "cppn", hidden: 24, layers: 8 },
            color: "plain",
            optimizer: { kind: "adam", learningRate: 0.005, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
          }),
          "--steps",
          "384",
        ],
      },
      {
        id: "maco",
        title: "MACO",
        text: "Phases alone, under fixed magnitudes; opaque where the gradient was strong.",
        objective: unit,
        args: [
          ...over("maco", {
            transforms: [
              { kind: "crops", count: 8, pixels: 128, from: 0.5, to: 0.1, centreSd: 0.15, sizeSd: 0.05 },
              { kind: "noise", sd: 0.08, uniform: 0.08 },
            ],
          }),
          "--size",
          "224",
          "--steps",
          "160",
        ],
      },
      {
        id: "alpha",
        title: "Transparency",
        text: "A fourth channel, over another random background at each step; what does not matter fades.",
        objective: { kind: "product", of: [unit, sum({ kind: "constant", value: 1.2 }, less(1, { kind: "opacity" }))] },
        args: [...over("soft", { alpha: { kind: "learned", background: 0.5 } })],
      },
      {
        id: "gray",
        title: "Gray",
        text: "One value for all colours.",
        objective: unit,
        args: [...over("soft", { color: "gray" })],
      },
      {
        id: "plain",
        title: "Plain colour",
        text: "Without decorrelated colour.",
        objective: unit,
        args: [...over("soft", { color: "plain" })],
      },
    ],
  },
  {
    title: "Transforms",
    text: "Between the picture and the network, drawn anew at each step. Lengths are pixels, angles degrees.",
    entries: [
      {
        id: "still",
        title: "None",
        text: "Without any, the network is led astray by patterns that work from one stand-point only.",
        objective: unit,
        args: [...over("soft", { transforms: [] })],
      },
      {
        id: "jitter",
        title: "Jitter",
        text: "Moved by up to 16 pixels.",
        objective: unit,
        args: [
          ...over("soft", {
            transforms: [
              { kind: "pad", pixels: 8, value: 0.5 },
              { kind: "jitter", pixels: 16 },
            ],
          }),
        ],
      },
      {
        id: "scale",
        title: "Zoom",
        text: "A quarter smaller to a quarter larger.",
        objective: unit,
        args: [...over("soft", { transforms: [{ kind: "scale", factors: [0.75, 0.9, 1, 1.1, 1.25] }] })],
      },
      {
        id: "rotate",
        title: "Turns",
        text: "Up to 30 degrees either way.",
        objective: unit,
        args: [...over("soft", { transforms: [{ kind: "rotate", degrees: [-30, -20, -10, 0, 10, 20, 30] }] })],
      },
      {
        id: "flip",
        title: "Flips",
        text: "Mirrored every other time.",
        objective: unit,
        args: [...over("soft", { transforms: [{ kind: "flip" }, { kind: "jitter", pixels: 8 }] })],
      },
      {
        id: "crops",
        title: "Crops",
        text: "Four windows of the picture at once, half of its side each.",
        objective: unit,
        args: [
          ...over("soft", {
            transforms: [{ kind: "crops", count: 4, pixels: 96, from: 0.6, to: 0.4, centreSd: 0.2, sizeSd: 0.05 }],
          }),
        ],
      },
      {
        id: "blurred",
        title: "Blur",
        text: "The network sees it through a blur of 0 to 2 pixels.",
        objective: unit,
        args: [
          ...over("soft", {
            transforms: [
              { kind: "jitter", pixels: 8 },
              { kind: "blur", sigmas: [0, 1, 2] },
            ],
          }),
        ],
      },
      {
        id: "noise",
        title: "Noise",
        text: "Through noise of deviation 0.1.",
        objective: unit,
        args: [
          ...over("soft", {
            transforms: [
              { kind: "jitter", pixels: 8 },
              { kind: "noise", sd: 0.1, uniform: 0 },
            ],
          }),
        ],
      },
    ],
  },
  {
    title: "Optimizers",
    text: 'Uphill. Max pooling\'s smooth gradient (`"maxPool":"smooth"`) has no picture here: this network has no max pooling.',
    entries: [
      {
        id: "nadam",
        title: "NAdam",
        text: "Adam with Nesterov momentum, as MACO uses it.",
        objective: unit,
        args: [...over("soft", { optimizer: { kind: "nadam", learningRate: 0.015, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } })],
      },
      {
        id: "sgd",
        title: "Normalised gradient",
        text: "DeepDream's: the gradient over its root mean square, here of a Laplacian pyramid.",
        objective: unit,
        args: [
          ...over("soft", {
            parametrization: { kind: "pyramid", levels: 5, sd: 0.05 },
            optimizer: { kind: "sgd", learningRate: 0.01, momentum: 0.5 },
          }),
        ],
      },
      {
        id: "schedule",
        title: "Schedule",
        text: "A learning rate that rises over 16 steps, then falls along a cosine.",
        objective: unit,
        args: [
          ...over("soft", {
            schedule: { kind: "warmup", warmup: 16, to: 0 },
            optimizer: { kind: "adam", learningRate: 0.04, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
          }),
        ],
      },
      {
        id: "no-redirect",
        title: "No redirected ReLU",
        text: "The true gradient from the first step on; a unit that starts dead would stay dead.",
        objective: unit,
        args: [...over("soft", { redirectSteps: 0 })],
      },
    ],
  },
  {
    title: "Recipes",
    text: "Named sets of all of the above; see the README for what each follows. Microscope's is cut short here: it takes 4096 steps.",
    entries: [
      {
        id: "quick",
        title: "Quick",
        text: "Ours: nearly as far as Lucid's in a fraction of the time.",
        objective: unit,
        args: ["--recipe", "quick"],
      },
      { id: "lucid", title: "Lucid", text: "512 steps.", objective: unit, args: ["--recipe", "lucid"] },
      {
        id: "distill2017",
        title: "Distill 2017",
        text: "Gentler transforms; 512 of its 2560 steps.",
        objective: unit,
        args: ["--recipe", "distill2017", "--steps", "512"],
      },
      {
        id: "microscope",
        title: "Microscope",
        text: "Two repeats; 512 of its 4096 steps, at 128 px.",
        objective: unit,
        args: ["--recipe", "microscope", "--steps", "512", "--size", "128", "--columns", "2"],
      },
      {
        id: "microscope-negative",
        title: "Microscope, negative",
        text: "The same for the unit's negative.",
        objective: less(1, unit),
        args: ["--recipe", "microscope", "--steps", "512", "--size", "128", "--columns", "2"],
      },
    ],
  },
  {
    title: "Watching",
    text: "How a picture grew. The files carry the recipe too: `--from-picture` makes them again.",
    entries: [
      {
        id: "film",
        title: "Animation",
        text: "A GIF of 24 of the steps. The page makes WebM as well.",
        objective: unit,
        args: ["--recipe", "soft", "--frames", "24"],
        ending: "gif",
      },
      {
        id: "film-sheet",
        title: "Contact sheet",
        text: "Nine of the steps, from noise to the end.",
        objective: unit,
        args: ["--recipe", "soft", "--frames", "9", "--size", "96"],
      },
    ],
  },
];
