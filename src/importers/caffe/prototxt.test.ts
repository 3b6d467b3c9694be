/** Protobuf's text format as prototxts use it, and where errors are said to be. */
import { describe, expect, test } from "vitest";
import { ModelFormatError } from "../../onnx/graph";
import { PoolingParameter_PoolMethod as Pool } from "./proto/caffe_pb";
import { readPrototxt } from "./prototxt";

test("every form of the text", () => {
  const net = readPrototxt(
    `name: "a" 'b'  # two strings are one
     input: "data" input: "\\x6d\\157re\\n"
     input_dim: [1, 0x3, 010, 227];
     layer < name: "c/1" type: "Convolution" bottom: "data" top: "c"
       convolution_param: { num_output: 8, kernel_size: 3 pad: 1 kernel_size: 5 bias_term: false weight_filler { type: "xavier" std: -1e-2f } }
     >
     layer { type: 'Pooling' pooling_param { pool: AVE ceil_mode: false } include: { phase: TEST stage: "x" } power_param { shift: inf scale: -0.5 } }
     # the end`,
    "t",
  );
  expect(net.name).toBe("ab");
  expect(net.input).toEqual(["data", "more\n"]);
  expect(net.inputDim).toEqual([1, 3, 8, 227]);
  const [conv, pool] = net.layer;
  expect(conv!.convolutionParam).toMatchObject({ numOutput: 8, kernelSize: [3, 5], pad: [1], biasTerm: false });
  expect(pool!.poolingParam).toMatchObject({ pool: Pool.AVE, ceilMode: false });
  expect(pool!.powerParam).toMatchObject({ shift: Infinity, scale: -0.5 });
  expect(pool!.include[0]).toMatchObject({ stage: ["x"] });
});

test("parameters that another Caffe's layers have are skipped", () => {
  const net = readPrototxt(
    `layer { name: "a" type: "RoiWarping" roi_warping_param { size: [7, 7] inner < deep: "x" > } concat_param { axis: 2 } }
     layer { name: "b" other_param: 3 roi_warping_param { } include { phase: TEST } pooling_param { ceil_mode: false } interp_param { height: 9 } }`,
    "t",
  );
  expect(net.layer.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(net.layer[0]!.concatParam!.axis).toBe(2);
  expect(net.layer[1]).toMatchObject({ poolingParam: { ceilMode: false }, interpParam: { height: 9 } });
  expect(Object.hasOwn(net.layer[1]!.include[0]!, "minLevel")).toBe(false);
  expect(() => readPrototxt("layer { x_param { a: 1 } concat_param { b: 2 } }", "t")).toThrow(
    't, line 1, column 41: unknown field "b" in ConcatParameter.',
  );
  const many = Array.from({ length: 40 }, (_, i) => `x${i}_param: 1`).join(" ");
  expect(() => readPrototxt(`layer { ${many} }`, "t")).toThrow('unknown field "x8_param" in LayerParameter.');
});

const layer = (fields: string) => `name: "net"\nlayer {\n  name: "c"  # unknown\n  ${fields}\n}\nlayer { name: "d" }\n`;

describe("errors name line and column", () => {
  test.each([
    ["an unknown field", layer("kernel_siz: 3"), 'line 4, column 3: unknown field "kernel_siz" in LayerParameter'],
    ["a missing colon", layer('type "ReLU"'), 'line 4, column 8: expected ":" before value of field "type"'],
    ["an unknown value", layer("pooling_param { pool: MIN }"), 'line 4, column 25: unknown enum value "MIN" for enum caffe.PoolingParameter.PoolMethod'],
    ["a text for a number", layer('concat_param { axis: "one" }'), "line 4, column 24: expected an integer, got a string"],
    ["a field given twice", layer('name: "e"'), 'line 4, column 3: non-repeated field "name" is repeated'],
    ["an open text", layer('type: "ReLU'), "line 4, column 9: invalid U+000A in string"],
    ["a number too large", layer("concat_param { axis: 99999999999 }"), "line 4, column 24: expected number (int32): 99999999999 out of range"],
    ["a negative size", layer("convolution_param { num_output: -1 }"), "line 4, column 35: an unsigned field does not accept a negative value"],
    ["a strange character", layer("\u0002"), "line 4, column 3: unexpected U+0002"],
    ["an end too soon", 'layer {\n  name: "c"', 'at its end: unexpected end of input, expected "}"'],
    ["nothing like it", "<html><body>", "line 1, column 1: expected a field name, got \"<\""],
    ["a depth without end", layer("include { ".repeat(40)), 'line 4, column 13: unknown field "include" in NetStateRule'],
  ])("%s", (_, text, message) => {
    expect(() => readPrototxt(text, "m.prototxt")).toThrow(
      new ModelFormatError(
        `m.prototxt, ${message}. It is damaged, or no description of a Caffe network; download it again.`,
      ),
    );
  }); // prettier-ignore

  test("soon, in a long text", () => {
    const text = `${'layer { name: "c" type: "ReLU" bottom: "a" top: "a" }\n'.repeat(1000)}layer { nam: "c" }`;
    const start = performance.now();
    expect(() => readPrototxt(text, "m")).toThrow('m, line 1001, column 9: unknown field "nam" in LayerParameter.');
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("in a longer one not at all", () => {
    const text = `${'layer { name: "c" type: "ReLU" bottom: "a" top: "a" }\n'.repeat(12000)}layer { nam: "c" }`;
    expect(() => readPrototxt(text, "m")).toThrow(
      'm, somewhere in its 648018 characters: unknown field "nam" in LayerParameter.',
    );
  });

  test("nothing of a wild length is read", () => {
    expect(() => readPrototxt("#".repeat(2 ** 20 + 1), "m")).toThrow("m has 1048577 characters");
  });
});
