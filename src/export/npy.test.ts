import { describe, expect, test } from "vitest";
import { npyOf } from "./npy";

const header = (bytes: Uint8Array) => {
  const length = new DataView(bytes.buffer).getUint16(8, true);
  return { start: 10 + length, text: new TextDecoder("latin1").decode(bytes.subarray(10, 10 + length)) };
};

describe(".npy", () => {
  test.each([
    [[2, 3], "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"],
    [[6], "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"],
    [[1, 2, 3], "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }"],
  ])("shape %j: magic, version 1.0, a header that ends on a multiple of 64, the numbers", (shape, dictionary) => {
    const data = Float32Array.of(1, -2, 0.5, NaN, Infinity, 1e-30);
    const bytes = npyOf({ shape, data });
    expect([...bytes.subarray(0, 8)]).toEqual([0x93, ...[..."NUMPY"].map((c) => c.charCodeAt(0)), 1, 0]);
    const { start, text } = header(bytes);
    expect(start % 64).toBe(0);
    expect(text.trimEnd()).toBe(dictionary);
    expect(text.at(-1)).toBe("\n");
    expect(new Float32Array(bytes.buffer.slice(start))).toEqual(data);
  });

  test("too few numbers are refused", () => {
    expect(() => npyOf({ shape: [2, 2], data: new Float32Array(3) })).toThrow("an array of shape [2, 2] has 4 numbers, not 3");
  });
});
