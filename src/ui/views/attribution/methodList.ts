/** The methods as readers meet them: by family, each in a sentence, with the options that are worth turning. */
import type { MethodName } from "../../../api/attribution";
import {
  backgrounds,
  baseline,
  channels,
  layer,
  noisy,
  points,
  real,
  seed,
  segments,
  steps,
  whole,
  type Option,
} from "./methodOptions";

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

const signed: Option = {
  ...{ kind: "flag", field: "signed", title: "With its sign" },
  says: "Which pixels would speak against the target if they grew brighter.",
};

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
        options: [layer, channels(128)],
      },
      {
        ...{ name: "ablationCam", title: "Ablation-CAM", paper: "Desai and Ramaswamy 2020" },
        says: "Switches each channel off, and weighs it by what that costs the target.",
        options: [layer, channels(null)],
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
          points,
          baseline(),
          {
            ...{ kind: "choice", field: "rule", title: "Points lie", usual: "adaptive" },
            says: "Where the gradient changes fast, points that lie closer make the gap smaller.",
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
        options: [
          steps(100),
          real(
            "fraction",
            { title: "Moved at once", says: "Share of the pixels that a step moves: those that matter least." },
            [0.25, 0, 1],
          ),
          real(
            "maxDistance",
            { title: "Leeway", says: "How far the path may leave the straight one: 0 is Integrated Gradients." },
            [0.02, 0, 1],
          ),
          baseline(),
        ],
      },
      {
        ...{ name: "blurIg", title: "Blur IG", paper: "Xu et al. 2020" },
        says: "The path takes a blur away: no colour is chosen to mean “nothing”.",
        options: [
          steps(50),
          real(
            "sigma",
            { title: "Blur", says: "How blurred the path begins: so that nothing can be told from it." },
            [50, 0, 1000],
            "px",
          ),
        ],
      },
      {
        ...{ name: "expectedGradients", title: "Expected Gradients", paper: "Erion et al. 2021" },
        says: "Integrated Gradients from many pictures instead of one baseline (GradientSHAP).",
        options: [
          whole("samples", { title: "Samples", says: "Pairs of a picture and a point of the path from it." }, [64, 1, 1000]),
          backgrounds,
          seed,
        ],
      },
      {
        ...{ name: "deepLift", title: "DeepLIFT", paper: "Shrikumar et al. 2017, rescale rule", live: true },
        says: "Differences from the baseline, handed back layer by layer: adds up as a path does, in one run.",
        options: [baseline()],
      },
    ],
  },
  {
    title: "One gradient",
    says: "Which pixels would change the target if they changed a little.",
    methods: [
      {
        ...{ name: "saliency", title: "Saliency", paper: "Simonyan et al. 2013", options: [signed], live: true },
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
            says: "Which rule for which layer, as Zennit composes them; what stands last is the first convolution's.",
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
          real(
            "gamma",
            { title: "Gamma", says: "How much more what speaks for it counts; only where the rules have a gamma." },
            [0.25, 0, 1e6],
          ),
          real(
            "epsilon",
            { title: "Epsilon", says: "Swallows what is weak or contradictory: larger maps are sparser." },
            [1e-6, 0, 1e6],
          ),
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
        options: [
          whole(
            "patch",
            { title: "Patch", says: "Its side: small ones see detail, large ones hide whole parts." },
            [null, 1, 1000],
            "px",
          ),
          whole(
            "stride",
            { title: "Stride", says: "From one place to the next: half as long takes four times as long." },
            [null, 1, 1000],
            "px",
          ),
          baseline("mean"),
        ],
      },
      {
        ...{ name: "rise", title: "RISE", paper: "Petsiuk et al. 2018" },
        says: "Thousands of random masks, each weighted by what the network still sees through it.",
        options: [
          whole(
            "masks",
            { title: "Masks", says: "Runs of the network: fewer are quicker, and leave blotches." },
            [1000, 1, 100_000],
          ),
          whole(
            "cells",
            { title: "Cells a side", says: "Of a mask's grid: more see finer parts, and need more masks." },
            [7, 1, 100],
          ),
          real("keep", { title: "Kept", says: "Share of the cells that stay in sight." }, [0.5, 0, 1]),
          baseline(),
          seed,
        ],
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
        options: [points],
      },
    ],
  },
];

export const METHODS: readonly MethodCard[] = FAMILIES.flatMap(({ methods }) => methods);
export const cardOf = (name: MethodName): MethodCard => METHODS.find((card) => card.name === name)!;
