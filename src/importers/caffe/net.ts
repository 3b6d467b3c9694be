/**
 * The layers of a network as it answers, in one form: V1's layers become LayerParameters, and layers that belong to training or to
 * another stage are left out by Caffe's rules (include, exclude).
 */
import { create } from "@bufbuild/protobuf";
import { ModelFormatError } from "../../onnx/graph";
import {
  LayerParameterSchema,
  Phase,
  V1LayerParameter_LayerType as V1,
  type LayerParameter,
  type NetParameter,
  type NetStateRule,
  type V1LayerParameter,
} from "./proto/caffe_pb";

/** The types that V1 had, by their later names. */
const TYPES: Readonly<Record<V1, string>> = {
  [V1.NONE]: "",
  [V1.ABSVAL]: "AbsVal",
  [V1.ACCURACY]: "Accuracy",
  [V1.ARGMAX]: "ArgMax",
  [V1.BNLL]: "BNLL",
  [V1.CONCAT]: "Concat",
  [V1.CONTRASTIVE_LOSS]: "ContrastiveLoss",
  [V1.CONVOLUTION]: "Convolution",
  [V1.DATA]: "Data",
  [V1.DECONVOLUTION]: "Deconvolution",
  [V1.DROPOUT]: "Dropout",
  [V1.DUMMY_DATA]: "DummyData",
  [V1.EUCLIDEAN_LOSS]: "EuclideanLoss",
  [V1.ELTWISE]: "Eltwise",
  [V1.EXP]: "Exp",
  [V1.FLATTEN]: "Flatten",
  [V1.HDF5_DATA]: "HDF5Data",
  [V1.HDF5_OUTPUT]: "HDF5Output",
  [V1.HINGE_LOSS]: "HingeLoss",
  [V1.IM2COL]: "Im2col",
  [V1.IMAGE_DATA]: "ImageData",
  [V1.INFOGAIN_LOSS]: "InfogainLoss",
  [V1.INNER_PRODUCT]: "InnerProduct",
  [V1.LRN]: "LRN",
  [V1.MEMORY_DATA]: "MemoryData",
  [V1.MULTINOMIAL_LOGISTIC_LOSS]: "MultinomialLogisticLoss",
  [V1.MVN]: "MVN",
  [V1.POOLING]: "Pooling",
  [V1.POWER]: "Power",
  [V1.RELU]: "ReLU",
  [V1.SIGMOID]: "Sigmoid",
  [V1.SIGMOID_CROSS_ENTROPY_LOSS]: "SigmoidCrossEntropyLoss",
  [V1.SILENCE]: "Silence",
  [V1.SOFTMAX]: "Softmax",
  [V1.SOFTMAX_LOSS]: "SoftmaxWithLoss",
  [V1.SPLIT]: "Split",
  [V1.SLICE]: "Slice",
  [V1.TANH]: "TanH",
  [V1.WINDOW_DATA]: "WindowData",
  [V1.THRESHOLD]: "Threshold",
};

/** V1's layer in the later form; the messages of its parameters are the same. */
function upgraded(v1: V1LayerParameter, what: string): LayerParameter {
  const { type, layer, ...rest } = v1;
  if (layer)
    throw new ModelFormatError(
      `${what} is written in Caffe's oldest form (layers { layer { ... } }). Convert it with Caffe's upgrade_net_proto_text or upgrade_net_proto_binary.`,
    );
  return create(LayerParameterSchema, { ...rest, $typeName: undefined, type: TYPES[type] });
}

/** All layers of a file, in the later form. `what` names it in messages. */
export function layersIn({ layer, layers }: NetParameter, what: string): LayerParameter[] {
  if (layer.length && layers.length)
    throw new ModelFormatError(`${what} has both "layer" and "layers", which Caffe refuses. It is damaged; download it again.`);
  return layer.length ? layer : layers.map((v1) => upgraded(v1, what));
}

/** Layers that bring pictures and labels in. */
const SOURCES = new Set(
  "Input Data ImageData MemoryData DummyData HDF5Data WindowData AnnotatedData VideoData DenseImageData".split(" "),
);
export const isSource = ({ type }: Pick<LayerParameter, "type">): boolean => SOURCES.has(type);

/** Layers that only measure: nothing of the network's answer depends on them. */
const MEASURES = new Set("Accuracy ArgMax Silence HDF5Output DetectionEvaluate".split(" "));
export const onlyMeasures = ({ type }: Pick<LayerParameter, "type">): boolean => MEASURES.has(type) || type.endsWith("Loss");

/**
 * The layers that take part when the network answers, in the file's order, which is the order of execution.
 * The stage is the one that the file's `state` names; else "deploy", which some tools write into one file with the other stages.
 */
export function layersAtWork(net: NetParameter, what: string): LayerParameter[] {
  const all = layersIn(net, what);
  const rules = all.flatMap(({ include, exclude }) => [...include, ...exclude]);
  const deploy = rules.some(({ stage, notStage }) => [...stage, ...notStage].includes("deploy"));
  const stages = net.state?.stage.length ? net.state.stage : deploy ? ["deploy"] : [];
  const met = (rule: NetStateRule): boolean =>
    (!Object.hasOwn(rule, "phase") || rule.phase === Phase.TEST) &&
    (!Object.hasOwn(rule, "minLevel") || (net.state?.level ?? 0) >= rule.minLevel) &&
    (!Object.hasOwn(rule, "maxLevel") || (net.state?.level ?? 0) <= rule.maxLevel) &&
    rule.stage.every((stage) => stages.includes(stage)) &&
    !rule.notStage.some((stage) => stages.includes(stage));
  const kept = all.filter(({ include, exclude }) => (include.length ? include.some(met) : !exclude.some(met)));
  if (net.input.length || kept.some(isSource)) return kept;
  const training = all.find(isSource); // a .caffemodel holds the network as it was trained
  return training ? [training, ...kept] : kept;
}
