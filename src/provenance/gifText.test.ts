import { decodeFrames, encode } from "modern-gif";
import { describe, expect, test } from "vitest";
import { commentIn, GifError, withComment } from "./gifText";

const side = 8;
const frame = (value: number) => ({ data: new Uint8ClampedArray(4 * side * side).fill(value), delay: 40 });
const gif = async (): Promise<Uint8Array> =>
  new Uint8Array(await encode({ width: side, height: side, frames: [frame(10), frame(250)] }));
const framesOf = (bytes: Uint8Array) => decodeFrames(Uint8Array.from(bytes).buffer).map(({ data }) => [...data]);

describe("a GIF's comment", () => {
  test.each(["short", "猫 ".repeat(400)])("is found again, and the pictures stay as they are", async (text) => {
    const bare = await gif();
    const told = withComment(bare, "micrographia", text);
    expect(commentIn(told, "micrographia")).toBe(text);
    expect(framesOf(told)).toEqual(framesOf(bare));
  });

  test("of another program is not ours; none is null", async () => {
    expect(commentIn(await gif(), "micrographia")).toBeNull();
    expect(commentIn(withComment(await gif(), "other", "x"), "micrographia")).toBeNull();
    const both = withComment(withComment(await gif(), "micrographia", "ours"), "other", "x");
    expect(commentIn(both, "micrographia")).toBe("ours");
  });

  test("what is no GIF, or cut off, is said", async () => {
    expect(() => commentIn(new TextEncoder().encode("<!doctype html>"), "micrographia")).toThrow(GifError);
    const whole = await gif();
    for (const length of [8, 13, 40, whole.length - 20])
      expect(() => commentIn(whole.subarray(0, length), "micrographia")).toThrow("the GIF is cut off.");
  });
});
