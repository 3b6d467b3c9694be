/** The command as a person calls it: a process, files, messages, exit codes. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { LAYER, tinyModel } from "../test/tinyModel";
import { writePng } from "./png";

const folder = mkdtempSync(join(tmpdir(), "micrographia-attribute-"));
const model = join(folder, "tiny.onnx");
writeFileSync(model, tinyModel());
const image = join(folder, "photo.png");
await writePng(image, {
  width: 48,
  height: 40,
  rgba: Uint8ClampedArray.from({ length: 4 * 48 * 40 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7919) % 256)),
});

async function call(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const run = promisify(execFile)(process.execPath, ["--import", "tsx", resolve(import.meta.dirname, "attribute.ts"), ...args]);
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, error: stderr }),
    (e: { code: number; stdout: string; stderr: string }) => ({ code: e.code, out: e.stdout, error: e.stderr }),
  );
}
const about = ["--model", model, "--image", image, "--preprocessing", '{"size":32}', "--threads", "1"];
const unit = JSON.stringify({ kind: "unit", layer: LAYER, channel: 3 });

describe("npm run attribute", () => {
  test("writes the map as .npy and PNG; the last line says what was made", async () => {
    const [npy, png] = [join(folder, "map.npy"), join(folder, "map.png")];
    const { code, out } = await call(...about, "--method", "Input-x-Gradient", "--target", unit, "-o", npy, "--png", png);
    expect(code).toBe(0);
    expect(JSON.parse(out.trim().split("\n").at(-1)!)).toEqual({
      method: { name: "inputXGradient" },
      target: JSON.parse(unit),
      score: expect.any(Number),
      completeness_gap: null,
      ms: expect.any(Number),
    });
    const bytes = readFileSync(npy);
    expect(bytes.subarray(0, 128).toString("latin1")).toContain("'descr': '<f4', 'fortran_order': False, 'shape': (3, 32, 32)");
    expect(bytes.length).toBe(128 + 4 * 3 * 32 * 32);
    expect(decode(readFileSync(png))).toMatchObject({ width: 32, height: 32 });
  });

  test("options as JSON, the strongest class where no target is named, and the gap", async () => {
    const method = '{"name":"integratedGradients","points":21,"baseline":{"kind":"white"}}';
    const { code, out } = await call(...about, "--method", method, "-o", join(folder, "ig.npy"));
    expect(code).toBe(0);
    const last = JSON.parse(out.trim().split("\n").at(-1)!) as { target: { kind: string }; completeness_gap: number };
    expect(last.target.kind).toBe("class");
    expect(last.completeness_gap).toBeLessThan(0.5);
  });

  test.each([
    ["no method", [...about, "-o", "x.npy"], 2, "--method is missing: one of saliency, inputXGradient"],
    [
      "a method that is none",
      [...about, "--method", "magic", "-o", "x.npy"],
      2,
      "--method magic is not known; there are saliency",
    ],
    [
      "an option out of range",
      [...about, "--method", '{"name":"smoothGrad","samples":-1}', "-o", "x.npy"],
      1,
      'method field "samples" is -1; it must be a whole number from 1 to 100000.',
    ],
    ["no output", [...about, "--method", "saliency"], 2, "-o is missing: the .npy file to write."],
    [
      "a class by name where none are named",
      [...about, "--method", "saliency", "--target", "zebra", "-o", "x.npy"],
      1,
      'class "zebra" cannot be looked up: this model names no classes.',
    ],
  ] as [string, string[], number, string][])("%s", async (_, args, code, message) => {
    const result = await call(...args);
    expect(result.code).toBe(code);
    expect(result.error).toContain(message);
  });
});
