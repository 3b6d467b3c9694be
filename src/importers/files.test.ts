/** What dropped files are, told by their content. */
import { describe, expect, test } from "vitest";
import { randomTensor } from "../../test/smallGraph";
import { caffemodel } from "../../test/tinyCaffe";
import { tinyModel } from "../../test/tinyModel";
import { sortFiles, type NamedBytes } from "./files";

const file = (name: string, content: string | Uint8Array): NamedBytes => ({
  name,
  bytes: typeof content === "string" ? new TextEncoder().encode(content) : content,
});
const onnx = tinyModel();
const weights = randomTensor([4, 3, 3, 3], 1);
const proto = 'name: "net"\nlayer { name: "data" type: "Input" top: "data" }\n';
const modelJson = JSON.stringify({ modelTopology: {}, weightsManifest: [] });

describe("the format is told by the content, whatever the name", () => {
  test.each([
    ["onnx", file("photo.jpg", onnx)],
    ["tfjs", file("a.onnx", modelJson)],
    ["caffe", file("net.txt", proto)],
    ["caffe", file("net.txt", `# a comment\n${proto}`)],
    ["caffe", file("model.onnx", caffemodel({ conv1: [weights] }))],
    ["caffe", file("model.onnx", caffemodel({ conv1: [weights] }, { version: "V1" }))],
    ["tflite", file("model.bin", "\x1c\0\0\0TFL3".padEnd(64, "\0"))],
  ])("%s", (format, given) => {
    expect(sortFiles([given]).format).toBe(format);
  });
});

describe("several files are one model", () => {
  test("ONNX with external data and a list of labels", () => {
    const found = sortFiles([
      file("w.data", new Uint8Array(64).fill(200)),
      file("labels.txt", "cat\r\ndog\n\n"),
      file("net", onnx),
    ]);
    expect(found).toMatchObject({ format: "onnx", main: { name: "net" }, labels: ["cat", "dog"] });
    expect(found.beside.map(({ name }) => name)).toEqual(["w.data"]);
  });

  test("labels as JSON, by number or in a row", () => {
    for (const names of [["cat", "dog"], { 1: "dog", 0: "cat" }])
      expect(sortFiles([file("names.json", JSON.stringify(names)), file("net.onnx", onnx)]).labels).toEqual(["cat", "dog"]);
  });

  test("settings that lie beside a model are not another model", () => {
    const found = sortFiles([
      file("config.json", '{"model_type": "vit", "layers": 12}'),
      file("preprocessor_config.json", '{"size": 224}'),
      file("net.onnx", onnx),
    ]);
    expect(found).toMatchObject({ format: "onnx", main: { name: "net.onnx" } });
  });

  test("both halves of a Caffe model, in any order", () => {
    const [text, blobs] = [file("deploy.prototxt", proto), file("net.caffemodel", caffemodel({ conv1: [weights] }))];
    for (const given of [
      [text, blobs],
      [blobs, text],
    ])
      expect(sortFiles(given)).toMatchObject({
        format: "caffe",
        prototxt: { name: text.name },
        caffemodel: { name: blobs.name },
      });
  });

  test("TF.js weights may begin like any other file", () => {
    const found = sortFiles([file("model.json", modelJson), file("group1-shard1of1.bin", onnx)]);
    expect(found).toMatchObject({ format: "tfjs", main: { name: "model.json" } });
    expect(found.beside).toHaveLength(1);
  });
});

describe("what is no model, or more than one", () => {
  test.each([
    [[], "No file was given"],
    [
      [file("a.onnx", onnx), file("b.onnx", onnx)],
      "a.onnx and b.onnx are more than one model. Give the files of one model at a time.",
    ],
    [[file("half.json", '{"modelTopology": ')], "half.json is no valid JSON"],
    [[file("nothing.onnx", "")], "nothing.onnx: it is empty (0 bytes)"],
    [[file("page.onnx", "<!doctype html>")], "it is a web page"],
    [[file("net.pt", new Uint8Array([0x50, 0x4b, 3, 4, 0]))], "a PyTorch checkpoint is one too"],
  ])("%#: %s", (given, says) => {
    expect(() => sortFiles(given)).toThrow(says);
  });
});
