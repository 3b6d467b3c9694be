/** What kind of file some bytes are, by their first few: so that an error can say "this is a web page". */

export type FileKind = "empty" | "html" | "json" | "text" | "jpeg" | "png" | "zip" | "gzip" | "tflite" | "hdf5" | "protobuf";

const starts = (bytes: Uint8Array, ...magic: number[]) => magic.every((b, i) => bytes[i] === b);

/** Guesses from the first 512 bytes; "protobuf" is what is left when nothing else fits, as that format has no magic number. */
export function sniff(bytes: Uint8Array): FileKind {
  if (bytes.length === 0) return "empty";
  if (starts(bytes, 0xff, 0xd8, 0xff)) return "jpeg";
  if (starts(bytes, 0x89, 0x50, 0x4e, 0x47)) return "png";
  if (starts(bytes, 0x50, 0x4b, 0x03, 0x04)) return "zip";
  if (starts(bytes, 0x1f, 0x8b)) return "gzip";
  if (starts(bytes, 0x89, 0x48, 0x44, 0x46)) return "hdf5";
  if (String.fromCharCode(...bytes.subarray(4, 8)) === "TFL3") return "tflite";
  const head = new TextDecoder("utf-8").decode(bytes.subarray(0, 512)).trimStart();
  if (/^(<!doctype|<html|<head|<\?xml|<body)/i.test(head)) return "html";
  if (/^[{[]\s*["{[\d]/.test(head)) return "json";
  // ONNX begins with field 1, ir_version, as a small varint; text has no control bytes at all.
  if (/^[\t\n\r\x20-\x7e]{16}/.test(head) || /^[\t\n\r\x20-\x7e]+$/.test(head)) return "text";
  return "protobuf";
}

/** What a file is, as the end of "... is not a model: it ...". */
export const inWords: Readonly<Record<FileKind, string>> = {
  empty: "it is empty (0 bytes)",
  html: "it is a web page (HTML), perhaps an error page or a page to click through",
  json: "it is JSON text",
  text: "it is plain text",
  jpeg: "it is a JPEG picture",
  png: "it is a PNG picture",
  zip: "it is a ZIP archive (a PyTorch checkpoint is one too)",
  gzip: "it is gzip-compressed",
  tflite: "it is a TensorFlow Lite model",
  hdf5: "it is an HDF5 file, as Keras writes",
  protobuf: "it holds no ONNX graph",
};
