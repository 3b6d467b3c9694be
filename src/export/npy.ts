/**
 * NumPy's file for one array (format 1.0, numpy.lib.format): what `numpy.load` opens.
 *
 *   \x93NUMPY  1 0  length of the header (uint16)  header: a Python dictionary, filled with spaces and a line's end to a multiple of 64 bytes
 *   the numbers, little-endian, row-major
 */

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
const ALIGNED = 64;

/** A float32 array of `shape`, row-major, as the bytes of a .npy file. Throws RangeError when it has not as many numbers as its shape. */
export function npyOf({ shape, data }: { shape: readonly number[]; data: Float32Array }): Uint8Array<ArrayBuffer> {
  const count = shape.reduce((n, d) => n * d, 1);
  if (count !== data.length)
    throw new RangeError(`an array of shape [${shape.join(", ")}] has ${count} numbers, not ${data.length}`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((MAGIC.length + 2 + text.length + 1) / ALIGNED) * ALIGNED - MAGIC.length - 2;
  const header = `${text.padEnd(length - 1)}\n`;
  const start = MAGIC.length + 2 + length;
  const bytes = new Uint8Array(start + 4 * count);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint16(MAGIC.length, length, true);
  bytes.set(new TextEncoder().encode(header), MAGIC.length + 2);
  data.forEach((v, i) => view.setFloat32(start + 4 * i, v, true));
  return bytes;
}
