/** The command as a person calls it: a process, files, messages, exit codes. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { hasSharedData, SHARED_DATA } from "../test/photos";
import { runModelBytes } from "../test/runGraph";
import { randomTensor, smallGraph } from "../test/smallGraph";
import type { Graph } from "../src/onnx/graph";
import { readModel } from "../src/onnx/read";
import { f32 } from "../src/onnx/tensor";
import { writeModel } from "../src/onnx/write";

const folder = mkdtempSync(join(tmpdir(), "micrographia-grad-"));

async function grad(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const run = promisify(execFile)(process.execPath, ["--import", "tsx", resolve(import.meta.dirname, "grad.ts"), ...args]);
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, error: stderr }),
    (e: { code: number; stdout: string; stderr: string }) => ({ code: e.code, out: e.stdout, error: e.stderr }),
  );
}

function save(name: string, graph: Graph): string {
  const path = join(folder, name);
  writeFileSync(path, writeModel(graph));
  return path;
}

const tiny = () =>
  save(
    "tiny.onnx",
    smallGraph({
      inputs: { data: [1, 1, "h", "w"] },
      constants: { w: randomTensor([2, 1, 3, 3], 1) },
      nodes: [
        { op: "Conv", inputs: ["data", "w"], outputs: ["conv"], attrs: { kernel_shape: [3, 3] } },
        { op: "MaxPool", inputs: ["conv"], outputs: ["pool"], attrs: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 } },
        { op: "Mish", inputs: ["pool"], outputs: ["mish"], attrs: {} },
      ],
      outputs: ["mish"],
      opset: 18,
    }),
  );

/** <dx, grad> against the central difference of <VALUE, cotangent> along dx, relative to their size. */
async function difference(
  path: string,
  input: string,
  value: string,
  shape: number[],
  scale: number,
  eps: number,
): Promise<number> {
  const bytes = new Uint8Array(readFileSync(path));
  const graph = readModel(bytes);
  const cotangent = randomTensor(graph.inputs.find((v) => v.name === "cotangent")!.shape as number[], 2);
  const [at, along] = [randomTensor(shape, 3, scale), randomTensor(shape, 4, scale)];
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);
  const f = async (by: number) => {
    const x = f32((at.data as Float32Array).map((v, i) => v + by * Number(along.data[i])), shape); // prettier-ignore
    const out = await runModelBytes(bytes, { [input]: x, cotangent });
    return { value: dot(out[value]!.data as Float32Array, cotangent.data as Float32Array), grad: out.grad! };
  };
  const slope = ((await f(eps)).value - (await f(-eps)).value) / (2 * eps);
  const { grad } = await f(0);
  expect(grad.shape).toEqual(shape);
  return Math.abs(slope - dot(grad.data as Float32Array, along.data as Float32Array)) / Math.abs(slope);
}

describe("npm run grad", () => {
  test("writes plain ONNX: the model's input and cotangent in, the value and grad out", async () => {
    const output = join(folder, "tiny.grad.onnx");
    const { code, out } = await grad(tiny(), "--of", "pool", "--shape", "data=1,1,9,8", "-o", output);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ of: "pool", of_shape: [1, 2, 4, 3], wrt: "data", wrt_shape: [1, 1, 9, 8] });
    const written = readModel(new Uint8Array(readFileSync(output)));
    expect(written.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["data", [1, 1, 9, 8]],
      ["cotangent", [1, 2, 4, 3]],
    ]);
    expect(written.outputs).toEqual(["pool", "grad"]);
    expect(written.nodes.every((n) => n.domain === "")).toBe(true);
    expect(await difference(output, "data", "pool", [1, 1, 9, 8], 1, 1e-3)).toBeLessThan(1e-2);
  });

  test.skipIf(!hasSharedData)("SqueezeNet's own BGR convention is kept (needs ../shared/data)", async () => {
    const output = join(folder, "squeezenet.grad.onnx");
    const model = join(SHARED_DATA, "models", "squeezenet1_0.onnx");
    const shape = [1, 3, 99, 99];
    const { code } = await grad(model, "--of", "conv10", "--wrt", "data", "--shape", `data=${shape.join()}`, "-o", output);
    expect(code).toBe(0);
    expect(await difference(output, "data", "conv10", shape, 60, 1e-4)).toBeLessThan(1e-2);
  });

  test.each([
    ["an open size", ["--of", "pool"], 1, /input "data" \[1, 1, h, w\]/i],
    ["an unknown value", ["--of", "pol", "--shape", "data=1,1,9,8"], 1, 'has no value "pol". The nearest names are "pool"'],
    [
      "an unknown input",
      ["--of", "pool", "--wrt", "image", "--shape", "data=1,1,9,8"],
      1,
      'has no input "image"; there are "data" [1, 1, 9, 8].',
    ],
    [
      "a shape for an input that is not there",
      ["--of", "pool", "--shape", "dta=1,1,9,8"],
      1,
      'has no such input; there are "data".',
    ],
    [
      "a shape that is none",
      ["--of", "pool", "--shape", "data=1,x"],
      2,
      '--shape is "data=1,x"; it must be like data=1,3,128,128.',
    ],
    ["no value", [], 2, "--of is missing: the value to differentiate."],
  ])("%s is refused in words", async (_, args, code, message) => {
    const output = join(folder, "never.onnx");
    const result = await grad(tiny(), ...args, "-o", output);
    expect(result.code).toBe(code);
    expect(result.error).toMatch(message);
    expect(existsSync(output)).toBe(false);
  });

  test("ops without a rule are listed by node, all of them", async () => {
    const path = save(
      "strange.onnx",
      smallGraph({
        inputs: { x: [4] },
        nodes: [
          ...Array.from({ length: 7 }, (_, i) => ({ op: "Det", inputs: [i ? `d${i - 1}` : "x"], outputs: [`d${i}`] })),
          { op: "Det", inputs: ["d6"], outputs: ["beyond"] },
        ],
        outputs: ["beyond"],
      }),
    );
    const { code, error } = await grad(path, "--of", "d6", "-o", join(folder, "never.onnx"));
    expect(code).toBe(1);
    for (let i = 0; i < 7; i++) expect(error).toContain(`grad: no rule for Det "d${i}"\n`);
    expect(error).toContain('no gradient can be taken through Det "d0", Det "d1", ');
    expect(error).not.toContain("beyond");
  });

  test("the value keeps its name where it folds away, and names of ours that are taken are refused", async () => {
    const made = (name: string, last: string) =>
      save(
        name,
        smallGraph({
          inputs: { x: [1, 1, 5, 5] },
          constants: { w: randomTensor([2, 1, 3, 3], 1), s: f32([1, 2]), b: f32([3, 4]), m: f32([5, 6]), v: f32([7, 8]) },
          nodes: [
            { op: "Conv", inputs: ["x", "w"], outputs: ["conv"], attrs: { kernel_shape: [3, 3] } },
            { op: "BatchNormalization", inputs: ["conv", "s", "b", "m", "v"], outputs: ["norm"] },
            { op: "Identity", inputs: ["norm"], outputs: ["same"] },
            { op: "Relu", inputs: ["same"], outputs: [last] },
          ],
          outputs: [last],
        }),
      );
    const output = join(folder, "named.grad.onnx");
    for (const of of ["conv", "norm", "same"]) {
      expect((await grad(made("named.onnx", "end"), "--of", of, "-o", output)).error).toContain(`${of} [1, 2, 3, 3]`);
      expect(await difference(output, "x", of, [1, 1, 5, 5], 1, 1e-2)).toBeLessThan(1e-3);
    }
    const { code, error } = await grad(made("taken.onnx", "grad"), "--of", "grad", "-o", output);
    expect(code).toBe(1);
    expect(error).toContain('has a value "grad" of its own');
  });

  test("a file that is no model, a file that is not there, a folder that cannot be written", async () => {
    const page = join(folder, "page.onnx");
    writeFileSync(page, "<!DOCTYPE html><html></html>");
    expect((await grad(page, "--of", "y", "-o", "x")).error).toContain("page.onnx is not an ONNX model: it is a web page (HTML)");
    expect((await grad(join(folder, "none.onnx"), "--of", "y", "-o", "x")).error).toContain("no such file");
    expect((await grad(folder, "--of", "y", "-o", "x")).error).toContain(`cannot read "${folder}"`);
    const nowhere = join(folder, "no", "such", "out.onnx");
    expect((await grad(tiny(), "--of", "pool", "--shape", "data=1,1,9,8", "-o", nowhere)).error).toContain(
      `cannot write "${nowhere}": ENOENT: no such file or directory`,
    );
  });

  test("--help explains", async () => {
    const { code, out } = await grad("--help");
    expect(code).toBe(0);
    expect(out).toContain("vector-Jacobian product");
  });
});
