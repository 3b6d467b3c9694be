/** What a network is fed: its inputs with their shapes, and how pictures become them where a data layer says so. */
import { ModelFormatError } from "../../onnx/graph";
import type { Preprocessing } from "../../onnx/preprocessing";
import { isSource } from "./net";
import type { BlobShape, LayerParameter, NetParameter } from "./proto/caffe_pb";
import type { Weights } from "./weights";

/** What Caffe does to a picture of bytes on its way in: (x - mean) * scale. */
interface Transform {
  scale: number;
  mean: readonly number[];
  /** The mean lies in a file of its own, so it is not known. */
  meanFile: boolean;
}

export interface Source {
  /** The blob's name. */
  name: string;
  /** Batch first. */
  shape: readonly number[];
  /** The file says nothing of rows and columns; `shape` has a usual size in their place. */
  open: boolean;
  transform: Transform | null;
}

/** In place of a size that the file leaves open. */
const USUAL = 224;

/**
 * The inputs of a network: those that it declares by itself, and the first blob of each layer that brings data in (the others are
 * labels). Throws ModelFormatError for shapes that cannot be.
 */
export function sourcesOf(net: NetParameter, layers: readonly LayerParameter[], weights: Weights, what: string): Source[] {
  const declared = net.input.map((name, i): Source => {
    const dims = net.inputShape[i] ? sizes(net.inputShape[i]) : net.inputDim.slice(4 * i, 4 * i + 4);
    return { name, ...shaped(dims), transform: null };
  });
  const brought = layers.filter(isSource).flatMap((layer) => fromLayer(layer, layers, weights));
  const sources = [...declared, ...brought].map((s) => ({ ...s, shape: [Math.max(1, s.shape[0] ?? 1), ...s.shape.slice(1)] }));
  const wrong = sources.find(({ shape }) => shape.some((d) => d < 1 || !Number.isSafeInteger(d)));
  if (wrong)
    throw new ModelFormatError(
      `${what}: input "${wrong.name}" has the shape [${wrong.shape}]. Correct its input_dim or input_param.`,
    );
  return sources;
}

const sizes = ({ dim }: BlobShape): number[] => dim.map(Number);

const shaped = (dims: readonly number[]): Pick<Source, "shape" | "open"> =>
  dims.length ? { shape: dims, open: false } : { shape: [1, 3, USUAL, USUAL], open: true };

function fromLayer(layer: LayerParameter, layers: readonly LayerParameter[], weights: Weights): Source[] {
  const { top, type } = layer;
  const transform = transformOf(layer);
  const several = (list: readonly (readonly number[])[]): Source[] =>
    top.map((name, i) => ({ name, ...shaped(list[i] ?? list[0] ?? []), transform }));
  if (type === "Input") return several((layer.inputParam?.shape ?? []).map(sizes));
  const dummy = layer.dummyDataParam;
  if (type === "DummyData" && dummy) {
    const { num, channels, height, width } = dummy;
    const at = (list: readonly number[], i: number) => list[i] ?? list[0] ?? 1;
    const older = num.length ? top.map((_, i) => [num, channels, height, width].map((list) => at(list, i))) : [];
    return several(dummy.shape.length ? dummy.shape.map(sizes) : older);
  }
  const name = top[0];
  if (name === undefined) return [];
  const memory = layer.memoryDataParam;
  if (type === "MemoryData" && memory)
    return [{ name, ...shaped([memory.batchSize, memory.channels, memory.height, memory.width]), transform }];
  const [height, width] = cropOf(layer);
  const shape = [1, channelsOf(layer, name, layers, weights), height || USUAL, width || USUAL];
  return [{ name, shape, open: !height || !width, transform }];
}

/** Rows and columns that pictures are cut or resized to; 0 where the layer does not say. */
function cropOf({ transformParam: t, dataParam, imageDataParam: image }: LayerParameter): [height: number, width: number] {
  const square = t?.cropSize || dataParam?.cropSize || image?.cropSize || 0;
  const height = t?.cropH || square || t?.resizeParam?.height || image?.newHeight || 0;
  const width = t?.cropW || square || t?.resizeParam?.width || image?.newWidth || 0;
  return [height, width];
}

/** Data layers take their pictures' channels from a data base; what tells of them here is the convolution that reads them. */
function channelsOf(layer: LayerParameter, blob: string, layers: readonly LayerParameter[], weights: Weights): number {
  if (layer.transformParam?.forceGray || layer.imageDataParam?.isColor === false) return 1;
  const reader = layers.find(({ type, bottom }) => type === "Convolution" && bottom[0] === blob);
  const perGroup = reader && weights.channelsOf(reader.name);
  return perGroup ? perGroup * (reader.convolutionParam?.group ?? 1) : 3;
}

function transformOf({ transformParam, dataParam, imageDataParam }: LayerParameter): Transform | null {
  const older = dataParam ?? imageDataParam;
  if (transformParam) {
    const { scale, meanValue, meanFile } = transformParam;
    return { scale, mean: meanValue, meanFile: meanFile !== "" };
  }
  return older ? { scale: older.scale, mean: [], meanFile: older.meanFile !== "" } : null;
}

/** How pictures become the input: Caffe's are bytes, BGR. Null where the file does not say, or not all of it. */
export function preprocessingOf(sources: readonly Source[]): Preprocessing | null {
  const source = sources.find(({ shape }) => shape.length === 4);
  if (!source?.transform || source.open) return null;
  const { scale, mean, meanFile } = source.transform;
  const [, C, height, width] = source.shape as [number, number, number, number];
  if (meanFile || (C !== 1 && C !== 3) || scale === 0 || ![0, 1, C].includes(mean.length)) return null;
  const each = Array.from({ length: C }, (_, c) => c);
  return {
    input: source.name,
    layout: "NCHW",
    channels: C === 1 ? "gray" : "BGR",
    range: 255,
    mean: each.map((c) => mean[c] ?? mean[0] ?? 0),
    std: each.map(() => 1 / scale),
    size: height === width ? height : [height, width],
  };
}
