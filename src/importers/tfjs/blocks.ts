/** TensorFlow ops that trade positions for channels or pictures, block by block. */
import { convolution, CONVOLUTIONS, windowOf } from "./convolution";
import { padsOf } from "./emit";
import { attrNumber, attrText } from "./graphDef";
import type { TfRule, TfSite } from "./site";

const depthToSpace: TfRule = (s) => {
  const blocksize = attrNumber(s.node, "block_size", 2);
  if (attrText(s.node, "data_format", "NHWC") !== "NHWC") s.fail("only data_format NHWC is supported. Convert the model again.");
  if (s.node.op === "SpaceToDepth") return s.last("SpaceToDepth", [s.value(0)], { blocksize });
  return s.last("DepthToSpace", [s.value(0)], { blocksize, mode: "DCR" });
};

interface Blocks {
  block: [number, number];
  /** Padding of SpaceToBatchND, or crops of BatchToSpaceND, of rows and columns. */
  edges: [[number, number], [number, number]];
}
function blocksOf(s: TfSite): Blocks {
  const block = s.ints(1, "the block");
  const edges = s.ints(2, "the borders");
  if (s.rank(0) !== 4 || block.length !== 2 || edges.length !== 4 || block.some((n) => n < 1))
    s.fail(`blocks [${block}] of [${s.shape(0)}] are not supported, only of rows and columns. Cut the model before this node.`);
  return {
    block: [block[0]!, block[1]!],
    edges: [
      [edges[0]!, edges[1]!],
      [edges[2]!, edges[3]!],
    ],
  };
}

/** Every block[0] x block[1] cell's positions become pictures of their own. */
const spaceToBatch: TfRule = (s) => {
  const { block, edges } = blocksOf(s);
  const [rows, columns] = block;
  const padded = s.step("padded", "Pad", [s.value(0), padsOf(s, [[0, 0], ...edges, [0, 0]]), s.b.scalar(0)], {
    mode: "constant",
  });
  const [, channels, height, width] = padded.shape;
  if (height! % rows || width! % columns)
    s.fail(`[${height}, ${width}] is no multiple of [${block}]. The file contradicts itself.`);
  const [h, w] = [height! / rows, width! / columns];
  const cells = s.step("cells", "Reshape", [padded, s.b.ints([0, 0, h, rows, w, columns])]);
  const turned = s.step("turned", "Transpose", [cells], { perm: [3, 5, 0, 1, 2, 4] });
  return s.last("Reshape", [turned, s.b.ints([-1, channels!, h, w])]);
};

/**
 * The way back. Around a convolution the two are TensorFlow's old spelling of dilation, and become that;
 * what SpaceToBatchND pads and this crops again, such as what fills up the last cell, is not padded at all.
 */
const batchToSpace: TfRule = (s) => {
  const { block, edges: crops } = blocksOf(s);
  const conv = s.maker(0);
  const spread = conv && CONVOLUTIONS.has(conv.node.op) ? conv.maker(0) : undefined;
  if (conv && spread?.node.op === "SpaceToBatchND") {
    const before = blocksOf(spread);
    const inner = windowOf(conv);
    const pads = before.edges.map(([begin, end], i) => [begin - crops[i]![0], end - crops[i]![1]] as const);
    const simple = [...inner.strides, ...inner.dilations].every((n) => n === 1) && before.block.join() === block.join();
    if (simple && String(inner.padding.pads) === "0,0,0,0" && pads.flat().every((n) => n >= 0)) {
      const padding = { pads: [pads[0]![0], pads[1]![0], pads[0]![1], pads[1]![1]] };
      return convolution(s, conv, spread.value(0), { strides: [1, 1], dilations: block, padding });
    }
  }
  const [rows, columns] = block;
  const [, channels, height, width] = s.value(0).shape;
  const cells = s.step("cells", "Reshape", [s.value(0), s.b.ints([rows, columns, -1, channels!, height!, width!])]);
  const turned = s.step("turned", "Transpose", [cells], { perm: [2, 3, 4, 0, 5, 1] });
  const whole = s.step("whole", "Reshape", [turned, s.b.ints([-1, channels!, height! * rows, width! * columns])]);
  const [top, bottom, left, right] = crops.flat() as [number, number, number, number];
  const ends = [height! * rows - bottom, width! * columns - right];
  return s.last("Slice", [whole, s.b.ints([top, left]), s.b.ints(ends), s.b.ints([2, 3])]);
};

export const blocks: Readonly<Record<string, TfRule>> = {
  DepthToSpace: depthToSpace,
  SpaceToDepth: depthToSpace,
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
};
