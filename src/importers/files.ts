/** Which of the files that a reader gives are one model: told by their content, never by name alone. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ModelFormatError } from "../onnx/graph";
import { externalFiles } from "../onnx/read";
import { inWords, sniff } from "../onnx/sniff";

export type ModelFormat = "onnx" | "caffe" | "tflite" | "tfjs";

export interface NamedBytes {
  /** As the reader's machine calls it, without folders or with. */
  name: string;
  bytes: Uint8Array;
}

/** The files of one model, by what each is to it. */
export type ModelFiles = { beside: readonly NamedBytes[]; labels: readonly string[] } & (
  | { format: "onnx" | "tflite"; main: NamedBytes }
  | { format: "tfjs"; main: NamedBytes; json: unknown }
  | { format: "caffe"; prototxt: NamedBytes | null; caffemodel: NamedBytes | null }
);

type Kind = "onnx" | "caffemodel" | "tflite" | "tfjs" | "prototxt" | "labels" | "json" | "other";

/** The last part of a path or an address. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1)!;

/**
 * Sorts `files` into one model's parts. What is beside the main file (weight shards, external data) is not looked into here.
 * Throws ModelFormatError when none of them is a model, or more than one is.
 */
export function sortFiles(files: readonly NamedBytes[]): ModelFiles {
  if (!files.length) throw new ModelFormatError("No file was given. Choose a model file.");
  const weights = externalWeights(files);
  const candidates = files.filter((file) => !weights.has(file));
  const jsons = new Map(candidates.flatMap((file) => (sniff(file.bytes) === "json" ? [[file, parsed(file)] as const] : [])));
  const kinds = new Map(candidates.map((file) => [file, kindOf(file, jsons.get(file))]));
  const of = (kind: Kind) => files.filter((file) => kinds.get(file) === kind);
  const labels = of("labels")[0];
  const rest = (...mains: (NamedBytes | undefined)[]) => ({
    beside: files.filter((file) => !mains.includes(file) && file !== labels),
    labels: labels ? labelsOf(labels, jsons.get(labels)) : [],
  });
  // a TF.js weight file may begin like anything: where a model.json is, all others are its weights
  const [tfjs] = one("tfjs", of("tfjs"));
  if (tfjs) return { format: "tfjs", main: tfjs, json: jsons.get(tfjs), ...rest(tfjs) };
  const [prototxt] = one("prototxt", of("prototxt"));
  const [caffemodel] = one("caffemodel", of("caffemodel"));
  if (prototxt || caffemodel)
    return { format: "caffe", prototxt: prototxt ?? null, caffemodel: caffemodel ?? null, ...rest(prototxt, caffemodel) };
  const [main, second] = [...of("onnx"), ...of("tflite")];
  if (main && second) throw severalModels([main, second]);
  if (main) return { format: kinds.get(main) as "onnx" | "tflite", main, ...rest(main) };
  const [json] = of("json"); // the TF.js importer says what it lacks
  if (json) return { format: "tfjs", main: json, json: jsons.get(json), ...rest(json) };
  const first = files[0]!;
  throw new ModelFormatError(
    `${files.map(({ name }) => fileName(name)).join(", ")}: no model that is understood. ${fileName(first.name)}: ${inWords[sniff(first.bytes)]}. ` +
      "Choose an ONNX file (.onnx), a TensorFlow Lite file (.tflite), a TF.js model.json with its weights, or a Caffe .prototxt with its .caffemodel.",
  );
}

/** The files that an ONNX file among them names as holding its weights: those may begin like anything. */
function externalWeights(files: readonly NamedBytes[]): Set<NamedBytes> {
  if (files.length < 2) return new Set();
  const named = files.flatMap(({ name, bytes }) => {
    if (sniff(bytes) !== "protobuf" || protobufKind(bytes) !== "onnx") return [];
    try {
      return externalFiles(bytes, fileName(name)).map(fileName);
    } catch {
      return []; // what is wrong with it is said when it is read
    }
  });
  return new Set(files.filter(({ name }) => named.includes(fileName(name))));
}

function one(kind: Kind, found: readonly NamedBytes[]): readonly NamedBytes[] {
  if (found.length > 1 && kind !== "other") throw severalModels(found);
  return found;
}

const severalModels = (files: readonly NamedBytes[]): ModelFormatError =>
  new ModelFormatError(
    `${files.map(({ name }) => fileName(name)).join(" and ")} are more than one model. Give the files of one model at a time.`,
  );

function parsed({ name, bytes }: NamedBytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ModelFormatError(
      `${fileName(name)} is no valid JSON: ${(error as Error).message}. It is cut short or damaged; download it again.`,
    );
  }
}

function kindOf({ bytes }: NamedBytes, json: unknown): Kind {
  switch (sniff(bytes)) {
    case "tflite":
      return "tflite";
    case "json":
      return isNames(json) ? "labels" : isTfjs(json) ? "tfjs" : "json";
    case "text":
      return textKind(new TextDecoder().decode(bytes.subarray(0, 65536)));
    case "protobuf":
      return protobufKind(bytes);
    default:
      return "other";
  }
}

const isNames = (json: unknown): json is string[] | Record<string, string> =>
  typeof json === "object" &&
  json !== null &&
  Object.values(json).length > 0 &&
  Object.values(json).every((value) => typeof value === "string");

/** Settings that lie beside a model, such as config.json, have none of these. */
const isTfjs = (json: unknown): boolean =>
  typeof json === "object" && json !== null && ["modelTopology", "weightsManifest"].some((key) => key in json);

/** A prototxt has fields; a list of class names has lines. */
const textKind = (text: string): Kind =>
  /^\s*(name|input|input_dim|input_shape|layers?|force_backward|state)\s*[:{]/m.test(text) ? "prototxt" : "labels";

/**
 * ONNX and Caffe are both protobuf without a magic number, but differ in the types of their outermost fields:
 * ONNX's 1 is a number (ir_version) and Caffe's a text (name); 7 is ONNX's graph and a flag of Caffe's; only Caffe has 100 (layer).
 */
function protobufKind(bytes: Uint8Array): Kind {
  const reader = new BinaryReader(bytes);
  try {
    for (let fields = 0; reader.pos < reader.len && fields < 100_000; fields++) {
      const [field, wire] = reader.tag();
      const message = wire === WireType.LengthDelimited;
      if ((field === 1 && message) || (field === 100 && message) || (field === 2 && message && startsMessage(reader, bytes)))
        return "caffemodel";
      if ((field === 1 && wire === WireType.Varint) || (field === 7 && message)) return "onnx";
      reader.skip(wire, field);
    }
  } catch {
    return "other";
  }
  return "other";
}

/** Whether the length-delimited field at the reader holds bytes that no text has: Caffe's old layers, not ONNX's producer name. */
function startsMessage(reader: BinaryReader, bytes: Uint8Array): boolean {
  const length = new BinaryReader(bytes.subarray(reader.pos, reader.pos + 10)).uint32();
  const from = reader.pos + (length < 128 ? 1 : length < 16384 ? 2 : 3);
  return bytes.subarray(from, from + Math.min(length, 64)).some((byte) => byte < 0x20);
}

/** One name for each line, or for each entry of a JSON list or of an object numbered from "0". */
function labelsOf({ bytes }: NamedBytes, json: unknown): string[] {
  if (isNames(json)) return Object.values(json);
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
