import { describe, expect, test } from "vitest";
import { f32 } from "../../../onnx/tensor";
import { inputOf, occluded, squareOf } from "./subject";

describe("a patch over the picture", () => {
  const input = f32(
    Float32Array.from({ length: 3 * 8 * 10 }, (_, i) => i / 1000),
    [1, 3, 8, 10],
  );
  test("is grey in every colour, and leaves the rest as it is", () => {
    const hidden = occluded(input, { x: 0.5, y: 0.5, side: 0.25 }); // two pixels of the shorter side
    expect(squareOf({ x: 0.5, y: 0.5, side: 0.25 }, [8, 10])).toEqual({ left: 4, top: 3, side: 2 });
    const changed = Array.from(hidden.data as Float32Array).flatMap((v, i) => (v === (input.data as Float32Array)[i] ? [] : [i]));
    expect(changed).toEqual([0, 1, 2].flatMap((c) => [34, 35, 44, 45].map((i) => 80 * c + i)));
    expect(changed.every((i) => hidden.data[i] === 0.5)).toBe(true);
  });
  test("may reach over the edge", () => {
    const hidden = occluded(input, { x: 0, y: 1, side: 0.5 });
    expect(Array.from(hidden.data as Float32Array).filter((v) => v === 0.5)).toHaveLength(3 * 2 * 2);
  });
  test("is none where none is asked for", () => {
    expect(occluded(input, null)).toBe(input);
  });
});

test("the network gets the largest centre part of a picture, RGB in 0..1", () => {
  const rgba = new Uint8ClampedArray([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]);
  const { shape, data } = inputOf({ name: "sha256:a", picture: { width: 4, height: 1, rgba } }, [1, 2]);
  expect(shape).toEqual([1, 3, 1, 2]);
  expect(Array.from(data as Float32Array)).toEqual([0, 0, 1, 0, 0, 1]); // the green pixel and the blue one
});
