/** The command as a user runs it: a process of its own, a file in, a PNG out. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { decode } from "fast-png";
import { decodeFrames } from "modern-gif";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../src/onnx/builder";
import { f32 } from "../src/onnx/tensor";
import { writeModel } from "../src/onnx/write";
import { recordIn } from "../src/provenance/record";
import { seeded } from "../src/vis/random";

const ROOT = resolve(import.meta.dirname, "..");
const CHANNEL = JSON.stringify({ kind: "channel", layer: "features", channel: 1 });
let directory: string;
let model: string;

/** One convolution and a Relu over "input" [1, 3, 64, 64]. */
function tinyModel(seed = 1): Uint8Array<ArrayBuffer> {
  const b = new GraphBuilder();
  const random = seeded(seed, "weights");
  const weights = f32(
    Float32Array.from({ length: 4 * 27 }, () => random.normal()),
    [4, 3, 3, 3],
  );
  const attrs = { kernel_shape: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 };
  const convolved = b.conv(b.input("input", "float32", [1, 3, 64, 64]), b.constant(weights), null, attrs);
  return writeModel(b.build("tiny", [b.node("Relu", [convolved], {}, { outputNames: ["features"] })]));
}

const render = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) =>
    execFile(process.execPath, ["--import", "tsx", "cli/render.ts", ...args], { cwd: ROOT }, (error, out, err) =>
      done({ code: error ? Number(error.code) : 0, out, err }),
    ),
  );

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "render-"));
  model = join(directory, "tiny.onnx");
  await writeFile(model, tinyModel());
});
afterAll(() => rm(directory, { recursive: true }));

describe("npm run render", () => {
  test("writes the picture, and says how it went in JSON lines", async () => {
    const png = join(directory, "out.png");
    const { code, out, err } = await render(
      ...["--model", model, "--preprocessing", "unit", "--objective", CHANNEL],
      ...["--size", "32", "--steps", "5", "--seed", "7", "--threads", "1", "-o", png],
    );
    expect(err).toContain("as --preprocessing says");
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(lines.at(-2)).toMatchObject({ step: 5, steps: 5, score: expect.any(Number), steps_per_second: expect.any(Number) });
    expect(lines.at(-1)).toEqual({
      objective: expect.any(Number),
      steps: 5,
      ms_per_step: expect.any(Number),
      device: "WASM in Node, 1 thread",
    });
    const picture = decode(await readFile(png));
    expect([picture.width, picture.height, picture.channels]).toEqual([32, 32, 3]);
    expect(new Set(picture.data).size).toBeGreaterThan(20);
  });

  test("--from-picture makes the same picture bit for bit, and says where something is another", async () => {
    const [first, again, other] = ["first.png", "again.png", "other.png"].map((name) => join(directory, name));
    const made = await render(
      ...["--model", model, "--preprocessing", "caffe", "--objective", CHANNEL, "--recipe", '{"name":"Übung 猫","batch":2}'],
      ...["--size", "32", "--steps", "4", "--seed", "7", "--threads", "1", "-o", first!],
    );
    expect(made.code, made.err).toBe(0);
    const record = recordIn(await readFile(first!))!;
    expect(record).toMatchObject({
      model: { id: "tiny.onnx", weights: createHash("sha256").update(tinyModel()).digest("hex") },
      objective: JSON.parse(CHANNEL) as object,
      recipe: { name: "Übung 猫", batch: 2, size: 32, steps: 4, seed: 7 },
      backend: "wasm",
      shows: { kind: "sheet", columns: 2, gap: 0 },
    });

    const remade = await render("--from-picture", first!, "--model", model, "--threads", "1", "-o", again!);
    expect(remade.err).toBe(`${model}: as ${first!} says.\n`);
    expect(remade.out).toContain('"same":true');
    expect((await readFile(again!)).equals(await readFile(first!))).toBe(true); // the whole file, its record included

    const elsewhere = join(directory, "elsewhere.onnx");
    await writeFile(elsewhere, tinyModel(2));
    const differs = await render("--from-picture", first!, "--model", elsewhere, "--seed", "8", "--threads", "1", "-o", other!);
    expect(differs.err).toContain(`it was made with other weights of tiny.onnx (SHA-256 ${record.model.weights}; here they are `);
    expect(differs.out).toContain('"same":false');
    expect(recordIn(await readFile(other!))!.recipe.seed).toBe(8);
  }, 30_000);

  test("--frames writes how it grew, as a sheet and as an animation, and both are made again", async () => {
    const [sheet, gif, again] = ["sheet.png", "film.gif", "again.gif"].map((name) => join(directory, name));
    const common = [
      "--model",
      model,
      "--preprocessing",
      "caffe",
      "--objective",
      CHANNEL,
      "--size",
      "32",
      "--steps",
      "6",
      "--threads",
      "1",
    ];
    const made = await render(...common, "--frames", "4", "-o", sheet!);
    expect(made.code, made.err).toBe(0);
    const { width, height } = decode(await readFile(sheet!));
    expect([width, height]).toEqual([66, 66]); // two by two, two pixels apart
    expect(recordIn(await readFile(sheet!))!.shows).toEqual({
      kind: "film",
      of: { kind: "picture", index: 0 },
      steps: [1, 3, 4, 6],
      columns: 2,
      gap: 2,
    });
    expect((await render("--from-picture", sheet!, "--model", model, "--threads", "1", "-o", sheet!)).out).toContain(
      '"same":true',
    );

    expect((await render(...common, "-o", gif!)).code).toBe(0);
    expect(decodeFrames((await readFile(gif!)).buffer as ArrayBuffer)).toHaveLength(6);
    const remade = await render("--from-picture", gif!, "--model", model, "--threads", "1", "-o", again!);
    expect(remade.out).toContain('"same":true');
    expect((await readFile(again!)).equals(await readFile(gif!))).toBe(true);
  }, 120_000);

  test("--help says everything and exits well", async () => {
    const { code, out } = await render("--help");
    expect(code).toBe(0);
    for (const option of [
      "--model",
      "--objective",
      "--recipe",
      "--size",
      "--steps",
      "--seed",
      "--preprocessing",
      "--frames",
      "--from-picture",
      "-o",
    ])
      expect(out).toContain(option);
  });

  test.each<[string, () => string[], number, string]>([
    ["no model", () => [], 2, "render: --model is missing."],
    [
      "a file that the catalogue does not know",
      () => ["--model", model, "--objective", CHANNEL, "-o", "x.png"],
      2,
      "Say how it wants its pictures",
    ],
    [
      "no such file",
      () => ["--model", "nowhere.onnx", "--objective", CHANNEL, "-o", "x.png"],
      2,
      "neither a file nor a model of the catalogue",
    ],
    [
      "an objective that is not JSON",
      () => ["--model", model, "--objective", "{channel", "-o", "x.png"],
      2,
      "--objective is not JSON",
    ],
    [
      "a picture that does not say how it was made",
      () => ["--from-picture", "package.json", "-o", "x.png"],
      2,
      "--from-picture package.json: the file is no PNG.",
    ],
    [
      "an unknown layer",
      () => ["--model", model, "--preprocessing", "unit", "--objective", CHANNEL.replace("features", "feature"), "-o", "x.png"],
      1,
      'has no value "feature". The nearest names are "features"',
    ],
    [
      "a channel that is not there",
      () => [
        "--model",
        model,
        "--preprocessing",
        "unit",
        "--objective",
        CHANNEL.replace("1", "99"),
        "--size",
        "32",
        "-o",
        "x.png",
      ],
      1,
      'layer "features" has 4 channels, numbered 0 to 3; 99 is not one of them.',
    ],
  ])("%s", async (_name, args, code, message) => {
    const result = await render(...args());
    expect(result.err).toContain(message);
    expect(result.code).toBe(code);
  });
});
