/** The methods as readers meet them: by family, each in a sentence, with the options that are worth turning. */
import type { Baseline, MethodName } from "../../../api/attribution";

/** A choice of one method. What is left out is the method's own, as `usual` says; null where that depends on the picture or the layer. */
export type Option =
  | {
      kind: "number";
      field: string;
      title: string;
      unit?: string;
      usual: number | null;
      low: number;
      high: number;
      whole: boolean;
    }
  | { kind: "baseline"; title: string; usual: Baseline["kind"] }
  | { kind: "layer"; title: string }
  | { kind: "choice"; field: string; title: string; usual: string; of: readonly { value: string; title: string }[] };

export interface MethodCard {
  name: MethodName;
  title: string;
  /** What it does, for somebody who has not read the paper. */
  says: string;
  paper: string;
  options: readonly Option[];
  /** At most a few runs of the network: quick enough to follow a camera. */
  live?: boolean;
  /** What is known against it. */
  warns?: string;
}

export interface Family {
  title: string;
  says: string;
  methods: readonly MethodCard[];
}

const whole = (field: string, title: string, usual: number | null, low: number, high: number, unit?: string): Option => ({
  ...{ kind: "number", field, title, usual, low, high, whole: true },
  ...(unit ? { unit } : {}),
});
const share = (field: string, title: string, usual: number, high = 1): Option => ({
  ...{ kind: "number", field, title, usual, low: 0, high, whole: false },
});
const seed = whole("seed", "Seed", 1, 0, 2 ** 32 - 1);
const baseline = (usual: Baseline["kind"] = "black"): Option => ({ kind: "baseline", title: "Baseline", usual });
const layer: Option = { kind: "layer", title: "Layer" };
const noisy: readonly Option[] = [whole("samples", "Samples", 50, 1, 1000), share("noise", "Noise", 0.15, 10), seed];
const segments: readonly Option[] = [
  whole("samples", "Samples", 1000, 1, 100_000),
  whole("segments", "Superpixels", 50, 2, 10_000),
  baseline("mean"),
  seed,
];

export const FAMILIES: readonly Family[] = [
  {
    title: "Over a layer's grid",
    says: "Coarse and quick: which places of a deep layer speak for the target, enlarged to the picture.",
    methods: [
      {
        ...{ name: "gradCam", title: "Grad-CAM", paper: "Selvaraju et al. 2017", options: [layer], live: true },
        says: "Each channel of the layer weighted by its mean gradient; what speaks for the target is kept.",
      },
      {
        ...{ name: "hiResCam", title: "HiResCAM", paper: "Draelos and Carin 2020", options: [layer], live: true },
        says: "Gradient times activation, place by place: never shows a place that the layer did not use.",
      },
      {
        ...{ name: "layerCam", title: "LayerCAM", paper: "Jiang et al. 2021", options: [layer], live: true },
        says: "As HiResCAM, with what speaks against left out first: sharper in early layers.",
      },
      {
        ...{ name: "gradCamPlusPlus", title: "Grad-CAM++", paper: "Chattopadhay et al. 2018", options: [layer], live: true },
        says: "Grad-CAM whose weights count several copies of an object alike.",
      },
      {
        ...{ name: "xGradCam", title: "XGrad-CAM", paper: "Fu et al. 2020", options: [layer], live: true },
        says: "Grad-CAM with gradients weighted by how much each place fires.",
      },
      {
        ...{ name: "eigenCam", title: "Eigen-CAM", paper: "Muhammad and Yeasin 2020", options: [layer], live: true },
        says: "What the layer's channels have most in common.",
        warns: "It does not ask for the target: it is the same for every class.",
      },
      {
        ...{ name: "scoreCam", title: "Score-CAM", paper: "Wang et al. 2020" },
        says: "Shows the network only what each channel sees, and weighs the channel by what that does to the target.",
        options: [layer, whole("channels", "Channels asked", 128, 1, 10_000)],
      },
      {
        ...{ name: "ablationCam", title: "Ablation-CAM", paper: "Desai and Ramaswamy 2020" },
        says: "Switches each channel off, and weighs it by what that costs the target.",
        options: [layer, whole("channels", "Channels asked", null, 1, 10_000)],
      },
    ],
  },
  {
    title: "Along a path",
    says: "From a picture with nothing in it to this one: the parts add up to what the target gained on the way.",
    methods: [
      {
        ...{ name: "integratedGradients", title: "Integrated Gradients", paper: "Sundararajan et al. 2017" },
        says: "The gradient at every point of a straight path from the baseline.",
        options: [
          whole("points", "Points", 50, 1, 2000),
          baseline(),
          {
            ...{ kind: "choice", field: "rule", title: "Points lie", usual: "adaptive" },
            of: [
              { value: "adaptive", title: "where they are needed" },
              { value: "gaussLegendre", title: "as Gauss and Legendre have them" },
            ],
          },
        ],
      },
      {
        ...{ name: "guidedIg", title: "Guided IG", paper: "Kapishnikov et al. 2021" },
        says: "A path that moves the pixels that matter least first, and so keeps out of the noise.",
        options: [whole("steps", "Steps", 100, 1, 2000), share("fraction", "Pixels moved at once", 0.25), baseline()],
      },
      {
        ...{ name: "blurIg", title: "Blur IG", paper: "Xu et al. 2020" },
        says: "The path takes a blur away: no colour is chosen to mean “nothing”.",
        options: [whole("steps", "Steps", 50, 1, 2000), { ...whole("sigma", "Blur", 50, 0, 1000, "px"), whole: false } as Option],
      },
      {
        ...{ name: "expectedGradients", title: "Expected Gradients", paper: "Erion et al. 2021" },
        says: "Integrated Gradients from many pictures instead of one baseline (GradientSHAP).",
        options: [whole("samples", "Samples", 64, 1, 1000), seed],
      },
      {
        ...{ name: "deepLift", title: "DeepLIFT", paper: "Shrikumar et al. 2017, rescale rule", live: true },
        says: "Differences from the baseline(), handed back layer by layer: adds up as a path does, in one run.",
        options: [baseline()],
      },
    ],
  },
  {
    title: "One gradient",
    says: "Which pixels would change the target if they changed a little.",
    methods: [
      {
        ...{ name: "saliency", title: "Saliency", paper: "Simonyan et al. 2013", options: [], live: true },
        says: "The size of the gradient at every pixel.",
      },
      {
        ...{
          name: "inputXGradient",
          title: "Input × Gradient",
          paper: "Shrikumar et al. 2016",
          options: [baseline()],
          live: true,
        },
        says: "The gradient times the pixel's distance from the baseline.",
      },
      {
        ...{ name: "smoothGrad", title: "SmoothGrad", paper: "Smilkov et al. 2017", options: noisy },
        says: "The mean gradient of noisy copies of the picture.",
      },
      {
        ...{ name: "smoothGradSquared", title: "SmoothGrad²", paper: "Hooker et al. 2019", options: noisy },
        says: "The same of the gradient's square: without sign, cleaner.",
      },
      {
        ...{ name: "varGrad", title: "VarGrad", paper: "Adebayo et al. 2018", options: noisy },
        says: "How much the gradient varies under noise.",
      },
    ],
  },
  {
    title: "Other rules on the way back",
    says: "The same walk back through the network, with another rule for some layers.",
    methods: [
      {
        ...{ name: "lrp", title: "LRP", paper: "Bach et al. 2015; composites of Zennit (Anders et al. 2021)", live: true },
        says: "The answer handed back, each unit sharing what it got among those that fed it.",
        options: [
          {
            ...{ kind: "choice", field: "composite", title: "Rules", usual: "epsilonPlus" },
            of: [
              { value: "epsilonPlus", title: "epsilon, z+" },
              { value: "epsilonPlusFlat", title: "epsilon, z+, flat" },
              { value: "epsilonGammaBox", title: "epsilon, gamma, z-box" },
              { value: "epsilonAlpha2Beta1", title: "epsilon, alpha 2 beta 1" },
              { value: "epsilonAlpha2Beta1Flat", title: "epsilon, alpha 2 beta 1, flat" },
              { value: "epsilon", title: "epsilon" },
              { value: "gamma", title: "gamma" },
              { value: "zPlus", title: "z+" },
            ],
          },
          { ...share("gamma", "Gamma", 0.25, 1e6) },
        ],
      },
      {
        ...{ name: "guidedBackprop", title: "Guided Backprop", paper: "Springenberg et al. 2014", options: [], live: true },
        says: "Only what is positive is handed back: crisp outlines.",
        warns:
          "It shows the picture's edges more than the network's reasons: its map hardly changes when the weights are random (Adebayo et al. 2018).",
      },
      {
        ...{ name: "deconvNet", title: "DeconvNet", paper: "Zeiler and Fergus 2014", options: [], live: true },
        says: "What is positive on the way back is handed back, whatever fired on the way there.",
        warns: "As Guided Backprop, it partly rebuilds the picture (Nie et al. 2018).",
      },
    ],
  },
  {
    title: "By asking only",
    says: "The network is a closed box: parts of the picture are hidden, and what it answers is watched. Slow.",
    methods: [
      {
        ...{ name: "occlusion", title: "Occlusion", paper: "Zeiler and Fergus 2014" },
        says: "A patch is moved over the picture: how far does the target fall?",
        options: [whole("patch", "Patch", null, 1, 1000, "px"), whole("stride", "Stride", null, 1, 1000, "px"), baseline("mean")],
      },
      {
        ...{ name: "rise", title: "RISE", paper: "Petsiuk et al. 2018" },
        says: "Thousands of random masks, each weighted by what the network still sees through it.",
        options: [whole("masks", "Masks", 1000, 1, 100_000), whole("cells", "Cells a side", 7, 1, 100), baseline(), seed],
      },
      {
        ...{ name: "lime", title: "LIME", paper: "Ribeiro et al. 2016", options: segments },
        says: "Superpixels on or off at random, and the straight line that fits the answers best.",
      },
      {
        ...{ name: "kernelShap", title: "KernelSHAP", paper: "Lundberg and Lee 2017", options: segments },
        says: "As LIME, weighted so that each superpixel gets its fair share (Shapley values).",
      },
      {
        ...{ name: "xrai", title: "XRAI", paper: "Kapishnikov et al. 2019" },
        says: "Integrated Gradients gathered by regions, the strongest regions first.",
        options: [whole("points", "Points", 50, 1, 2000)],
      },
    ],
  },
];

export const METHODS: readonly MethodCard[] = FAMILIES.flatMap(({ methods }) => methods);
export const cardOf = (name: MethodName): MethodCard => METHODS.find((card) => card.name === name)!;
