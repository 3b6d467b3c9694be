/**
 * `npm run bench`: milliseconds per forward pass and per optimisation step, ours and TF.js's, in one browser run.
 *
 *   npm run bench [-- --json FILE] [--size 224] [--rounds 10] [--only micrographia:wasm,tfjs:webgl] [--model FILE] [--quick]
 *
 * Prints a table; --json writes { rows: [{ engine, backend, model, layer, size, batch, forward_ms, step_ms, ratio }] }.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { createServer } from "vite";
import { chromiumPath } from "../e2e/chromium";
import { nodeRuntime } from "../src/engine/ortNode";
import { readModel } from "../src/onnx/read";
import { LAYER, randomGoogLeNet } from "./googlenet";
import { measure, type Row } from "./measure";
import { ours } from "./ours";
import type { BenchAnswer, BenchRequest } from "./page";

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    size: { type: "string", default: "224" },
    rounds: { type: "string", default: "10" },
    only: { type: "string" },
    model: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});

const candidates = [values.model, "../shared/data/models/googlenet.onnx", "public/models/googlenet.onnx"];
const file = candidates.find((path) => path && existsSync(path)) ?? null;
if (values.model && file !== values.model) throw new Error(`no model file at ${values.model}`);
const model = file ? "GoogLeNet" : "GoogLeNet (random weights)";
const size = Number(values.size);
const rounds = values.quick ? 2 : Number(values.rounds);

const all: BenchRequest["contestants"] = [
  { engine: "micrographia", backend: "wasm" },
  { engine: "tfjs", backend: "webgl" },
  { engine: "tfjs", backend: "cpu" },
  { engine: "tfjs", backend: "wasm" },
  { engine: "micrographia", backend: "webgpu" },
  { engine: "tfjs", backend: "webgpu" },
];
const only = values.only?.split(",");
const contestants = only ? all.filter((c) => only.includes(`${c.engine}:${c.backend}`)) : all;

const answers = await inBrowser({
  model: file && "/bench-model.onnx",
  size,
  rounds,
  budgetMs: values.quick ? 5_000 : 20_000,
  contestants,
});
if (!only || only.includes("micrographia:node")) answers.push(await inNode());

const rows: Row[] = answers
  .filter((a) => !a.error)
  .map(({ engine, backend, forward_ms, step_ms }) => ({
    engine,
    backend,
    model,
    layer: LAYER,
    size,
    batch: 1,
    forward_ms: round(forward_ms),
    step_ms: round(step_ms),
    ratio: round(step_ms / forward_ms),
  }));
report();
if (values.json) writeFileSync(values.json, `${JSON.stringify({ rows }, null, 2)}\n`);
process.exit(rows.length > 0 ? 0 : 1);

async function inBrowser(request: BenchRequest): Promise<BenchAnswer> {
  const server = await createServer({
    root: resolve("."),
    logLevel: "error",
    server: { host: "127.0.0.1", port: 0 },
    plugins: [
      {
        name: "bench-model",
        configureServer: ({ middlewares }) => {
          middlewares.use("/bench-model.onnx", (_, response) => response.end(readFileSync(file!)));
        },
      },
    ],
  });
  await server.listen();
  const browser = await chromium.launch({
    ...chromiumPath(),
    args: [
      ...["--no-sandbox", "--enable-unsafe-webgpu", "--enable-features=Vulkan", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...(process.env.WEBGPU_ADAPTER === "hardware" ? [] : ["--use-webgpu-adapter=swiftshader"]),
    ],
  });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => console.error(`  ${message.text()}`));
    page.on("pageerror", (error) => console.error(`  ${error.message}`));
    const port = (server.httpServer!.address() as { port: number }).port;
    await page.goto(`http://127.0.0.1:${port}/bench/page.html`);
    await page.waitForFunction(() => "bench" in window, undefined, { timeout: 120_000 });
    return await page.evaluate((r) => window.bench(r), request);
  } finally {
    await browser.close();
    await server.close();
  }
}

async function inNode(): Promise<BenchAnswer[number]> {
  const runtime = nodeRuntime();
  const graph = file ? readModel(readFileSync(file)) : randomGoogLeNet();
  const it = await ours(runtime, graph, size);
  const [times] = await measure([it], rounds, 60_000);
  return { engine: it.engine, backend: "wasm in node", device: runtime.info.label, ...times! };
}

function report(): void {
  console.log(`\n${model}, ${LAYER}, ${size} px, batch 1; medians of up to ${rounds} interleaved rounds`);
  console.table(
    rows.map(({ engine, backend, forward_ms, step_ms, ratio }) => ({
      engine,
      backend,
      forward_ms,
      step_ms,
      "step / forward": ratio,
    })),
  );
  const best = (engine: string) => Math.min(...rows.filter((r) => r.engine === engine).map((r) => r.step_ms));
  if (Number.isFinite(best("tfjs") / best("micrographia")))
    console.log(`TF.js's best backend takes ${round(best("tfjs") / best("micrographia"))} times as long per step as our best.`);
  for (const { engine, backend, device, error } of answers)
    console.log(error ? `${engine} on ${backend}: not measured (${error})` : `${engine} on ${backend}: ${device}`);
}

function round(x: number): number {
  return Math.round(x * 100) / 100;
}
