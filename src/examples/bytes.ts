/** A JSON header and typed arrays as one run of bytes: magic, the header's length, the header, then the arrays one after another. */

export type PackedArray = Float32Array | Float64Array | Uint32Array | Int16Array;

const MAGIC = "MGEX";
const PREFIX = 8;

/** Little endian, as every machine that runs this is. */
export function pack(header: unknown, arrays: readonly PackedArray[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(PREFIX + text.length + arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, PREFIX);
  let at = PREFIX + text.length;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/** The header and what follows it; null for bytes that `pack` did not make. */
export function unpack(bytes: Uint8Array): { header: unknown; body: Uint8Array } | null {
  if (bytes.length < PREFIX || new TextDecoder().decode(bytes.subarray(0, 4)) !== MAGIC) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  if (PREFIX + length > bytes.length) return null;
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX, PREFIX + length)));
    return { header, body: bytes.subarray(PREFIX + length) };
  } catch {
    return null;
  }
}

/** Fills arrays from a body, in the order in which they were packed; false when it has not their size. */
export function fill(arrays: readonly PackedArray[], body: Uint8Array): boolean {
  if (arrays.reduce((sum, { byteLength }) => sum + byteLength, 0) !== body.length) return false;
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    new Uint8Array(buffer, byteOffset, byteLength).set(body.subarray(at, at + byteLength));
    at += byteLength;
  }
  return true;
}
