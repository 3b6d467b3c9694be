/**
 * ResNet v2 50 (He et al. 2016, "Identity Mappings") as resnetv2_50_Opset16.onnx has it: timm's model with batch norm, exported by
 * PyTorch. A norm that follows a convolution is folded into it; those that open a block, or the head, read a sum and stay nodes.
 */
import type { Graph } from "../../src/onnx/graph";
import { preprocessing, type Architecture } from "./architecture";
import { TorchNet } from "./torchNet";

const STAGES = [[256, 3], [512, 4], [1024, 6], [2048, 3]] as const; // prettier-ignore

/** A module's path as its parameters have it: a Sequential's own name is not said twice. */
const parameters = (scope: string) =>
  scope
    .slice(1)
    .replaceAll(/(stages|blocks)\//g, "")
    .replaceAll("/", ".");

function normRelu(t: TorchNet, x: string, scope: string): string {
  const y = t.net.norm(x, t.valueName(scope, "BatchNormalization"), parameters(scope));
  return t.op("Relu", `${scope}/act`, [y]);
}

/** 1x1, 3x3 (strided), 1x1 on what was normalised first; where the size changes, the shortcut leaves after that norm too. */
function block(t: TorchNet, x: string, at: string, to: number, stride: number, first: boolean): string {
  const plain = (from: string, scope: string, s: number) =>
    t.net.conv(from, t.valueName(scope, "Conv"), {
      to,
      kernel: 1,
      stride: s,
      weight: `${parameters(scope)}.weight`,
      bias: null,
      gain: 1,
    });
  const opened = normRelu(t, x, `${at}/norm1`);
  const shortcut = first ? plain(opened, `${at}/downsample/conv`, stride) : x;
  const mid = to / 4;
  const one = t.op("Relu", `${at}/norm2/act`, [t.folded(opened, `${at}/conv1`, mid)]);
  const three = t.op("Relu", `${at}/norm3/act`, [t.folded(one, `${at}/conv2`, mid, 3, 1, stride)]);
  return t.net.add(plain(three, `${at}/conv3`, 1), shortcut, t.valueName(at, "Add"));
}

function build(): Graph {
  const t = new TorchNet("resnetv2_50", 224);
  const stem = t.net.conv(t.input, t.valueName("/stem/conv", "Conv"), { to: 64, kernel: 7, stride: 2, pad: 3, bias: null });
  let x = t.net.pool("MaxPool", stem, t.valueName("/stem/pool", "MaxPool"), 3, 2, 1);
  STAGES.forEach(([to, depth], stage) => {
    for (let i = 0; i < depth; i++)
      x = block(t, x, `/stages/stages.${stage}/blocks/blocks.${i}`, to, i === 0 && stage > 0 ? 2 : 1, i === 0);
  });
  const pooled = t.op("GlobalAveragePool", "/head/global_pool/pool", [normRelu(t, x, "/norm")]);
  const logits = t.net.conv(pooled, t.valueName("/head/fc", "Conv"), { to: 1000, kernel: 1 });
  return t.net.build(t.net.node("Flatten", [logits], "output", { axis: 1 }));
}

const sums = (stage: number, depth: number, shape: readonly number[]) =>
  Object.fromEntries(Array.from({ length: depth }, (_, i) => [`/stages/stages.${stage}/blocks/blocks.${i}/Add_output_0`, shape]));

export const resnetV2: Architecture = {
  id: "resnetv2_50_slim",
  build,
  preprocessing: preprocessing("x", 224),
  fileBytes: 102_329_114,
  operators: { Conv: 54, BatchNormalization: 17, Relu: 49, Add: 16, MaxPool: 1, GlobalAveragePool: 1, Flatten: 1 },
  blocks: {
    "/stem/conv/Conv_output_0": [64, 112, 112],
    "/stem/pool/MaxPool_output_0": [64, 56, 56],
    ...sums(0, 3, [256, 56, 56]),
    ...sums(1, 4, [512, 28, 28]),
    ...sums(2, 6, [1024, 14, 14]),
    ...sums(3, 3, [2048, 7, 7]),
    "/norm/act/Relu_output_0": [2048, 7, 7],
    "/head/fc/Conv_output_0": [1000, 1, 1],
  },
  gradient: { of: "/stages/stages.3/blocks/blocks.2/Add_output_0", size: 48 },
  render: { of: "/stages/stages.2/blocks/blocks.5/Add_output_0", size: 64 },
};
