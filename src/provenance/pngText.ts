/**
 * Text inside PNG files (PNG 1.2, 11.3.4): UTF-8 in an iTXt chunk, put in and found without touching the picture's own bytes.
 * fast-png writes Latin letters only (tEXt), and decodes the whole picture to read them.
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Chunk: length, four letters, data, CRC. */
interface Chunk {
  type: string;
  /** Where it begins and ends, with its length and CRC. */
  start: number;
  end: number;
  data: Uint8Array;
}

/** The file is no PNG, or is cut off or changed. */
export class PngError extends Error {
  override readonly name = "PngError";
}

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

/** `png` with `text` under `keyword` (1 to 79 Latin letters), in place of what was there under it. Throws PngError. */
export function withText(png: Uint8Array, keyword: string, text: string): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder();
  const header = [...utf8.encode(keyword), 0, 0, 0, 0, 0]; // not compressed, no language, keyword not translated
  const added = chunk("iTXt", new Uint8Array([...header, ...utf8.encode(text)]));
  const kept: Uint8Array[] = [png.subarray(0, SIGNATURE.length)];
  for (const { type, start, end, data } of chunksOf(png)) {
    if (TEXTS.has(type) && keywordOf(data) === keyword) continue;
    kept.push(png.subarray(start, end));
    if (type === "IHDR") kept.push(added); // it may stand anywhere behind the header; first, it survives a cut-off file
  }
  return joined(kept);
}

/** What stands under `keyword`, null where nothing does. Throws PngError when the file is damaged there. */
export function textIn(png: Uint8Array, keyword: string): string | null {
  for (const { type, start, end, data } of chunksOf(png)) {
    if (!TEXTS.has(type) || keywordOf(data) !== keyword) continue;
    if (new DataView(png.buffer, png.byteOffset + end - 4).getUint32(0) !== crc32(png.subarray(start + 4, end - 4)))
      throw new PngError(`the PNG's text "${keyword}" was changed on its way: its checksum is another one.`);
    let at = keyword.length + 1;
    if (type === "tEXt") return new TextDecoder("latin1").decode(data.subarray(at));
    if (data[at] !== 0) throw new PngError(`the PNG's text "${keyword}" is compressed: another program has written it anew.`);
    at += 2;
    for (let texts = 0; texts < 2; texts++) at = data.indexOf(0, at) + 1; // language, translated keyword
    return new TextDecoder().decode(data.subarray(at));
  }
  return null;
}

const TEXTS: ReadonlySet<string> = new Set(["tEXt", "iTXt"]);
const keywordOf = (data: Uint8Array): string => new TextDecoder("latin1").decode(data.subarray(0, Math.min(80, data.indexOf(0))));

function* chunksOf(png: Uint8Array): Generator<Chunk> {
  if (!isPng(png)) throw new PngError("the file is no PNG.");
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let start = SIGNATURE.length;
  while (start < png.length) {
    const end = start + 12 <= png.length ? start + 12 + view.getUint32(start) : Infinity;
    if (end > png.length) throw new PngError("the PNG is cut off.");
    const type = String.fromCharCode(...png.subarray(start + 4, start + 8));
    yield { type, start, end, data: png.subarray(start + 8, end - 4) };
    if (type === "IEND") return;
    start = end;
  }
  throw new PngError("the PNG is cut off.");
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** ISO 3309, as PNG has it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
