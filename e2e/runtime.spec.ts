/** ONNX Runtime on both backends, in Chromium's software adapter: the same numbers, and every node where it should be. */
import { expect, test, type Page } from "playwright/test";
import { LAYER } from "../test/tinyModel";
import type { RuntimePage, StepsOptions, StepsResult } from "./pages/runtime";
import { openTestPage } from "./testPage";

type Steps = RuntimePage["steps"];
const steps = (page: Page, ...args: Parameters<Steps>): Promise<StepsResult> =>
  page.evaluate((a) => (window as unknown as { page: RuntimePage }).page.steps(...a), args);

/** Largest difference, relative to the largest magnitude. */
function relativeDifference(a: readonly number[], b: readonly number[]): number {
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / scale;
}

/** Where ORT says that it placed the nodes of each session, as far as it says so. */
function placementsOf(page: Page): string[] {
  const placements: string[] = [];
  page.on("console", (message) => {
    const [placed] = /(All nodes|Node\(s\)) placed on .*/.exec(message.text()) ?? [];
    if (placed) placements.push(placed);
  });
  return placements;
}

test("WebGPU and WASM agree after eight steps from one seed", async ({ page }) => {
  await openTestPage(page, "runtime");
  const wasm = await steps(page, "wasm", 8);
  const webgpu = await steps(page, "webgpu", 8);
  expect(wasm.device).toMatch(/^WASM, \d threads?$/);
  expect(webgpu.device).toMatch(/swiftshader \(WebGPU\)$/i);
  expect(webgpu.location).toBe("gpu-buffer");
  expect(webgpu.theta).toHaveLength(wasm.theta.length);
  const difference = {
    theta: relativeDifference(webgpu.theta, wasm.theta),
    scores: relativeDifference(webgpu.scores, wasm.scores),
  };
  console.log(`    relative difference ${JSON.stringify(difference)}, ms per step ${wasm.msPerStep} and ${webgpu.msPerStep}`);
  expect(difference.theta).toBeLessThan(1e-3);
  expect(difference.scores).toBeLessThan(1e-3);
});

const channel = { kind: "channel", layer: LAYER, channel: 3 } as const;
/** Proportional to the gradient: Adam's first steps are its signs, which rounding decides where it is next to nothing. */
const optimizer = { kind: "sgd", learningRate: 0.01, momentum: 0.9 } as const;
const ways: Record<string, StepsOptions> = {
  "a batch with objectives of two layers, pushed apart": {
    recipe: { batch: 2, optimizer },
    objective: {
      kind: "sum",
      of: [
        { kind: "each", of: [channel, { kind: "deepdream", layer: "conv2" }] },
        { kind: "scale", by: -1, of: { kind: "diversity", layer: LAYER } },
      ],
    },
  },
  "a caricature, with penalties": {
    recipe: { optimizer },
    objective: {
      kind: "sum",
      of: [
        { kind: "caricature", layer: LAYER, picture: "drawn:1", cosinePower: 2 },
        { kind: "scale", by: -0.1, of: { kind: "l2", towards: 0.2 } },
        { kind: "scale", by: -0.01, of: { kind: "blurEachStep" } },
      ],
    },
  },
  "MACO: phases, crops, noise, NAdam, the gradient's trace": {
    recipe: {
      parametrization: { kind: "maco", sd: 1, pictures: [] },
      alpha: { kind: "attribution", percentile: 80 },
      transforms: [
        { kind: "crops", count: 3, pixels: 24, from: 0.5, to: 0.2, centreSd: 0.15, sizeSd: 0.05 },
        { kind: "noise", sd: 0.08, uniform: 0.08 },
      ],
      optimizer: { kind: "nadam", learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1 },
    },
  },
  "a CPPN with alpha, blurred and mirrored, by normalised gradients": {
    recipe: {
      parametrization: { kind: "cppn", hidden: 8, layers: 3 },
      alpha: { kind: "learned", background: 0.1 },
      transforms: [{ kind: "flip" }, { kind: "blur", sigmas: [0, 1] }],
      optimizer,
    },
  },
  "pictures that share low frequencies, aligned": {
    recipe: { batch: 2, parametrization: { kind: "shared", sd: 0.01, decayPower: 1, factors: [2, 4] } },
    objective: { kind: "sum", of: [channel, { kind: "alignment", layer: "input" }] },
  },
};
for (const [way, options] of Object.entries(ways))
  test(`WebGPU and WASM agree: ${way}`, async ({ page }) => {
    const placements = placementsOf(page);
    await openTestPage(page, "runtime");
    const wasm = await steps(page, "wasm", 4, options);
    const webgpu = await steps(page, "webgpu", 4, { ...options, session: { logSeverityLevel: 0 } });

    expect(relativeDifference(webgpu.theta, wasm.theta)).toBeLessThan(2e-3);
    expect(relativeDifference(webgpu.scores, wasm.scores)).toBeLessThan(2e-3);
    for (const placed of placements) expect(placed).toMatch(/^All nodes placed on \[WebGpuExecutionProvider\]/);
  });

test("the build for browsers without JSPI gives the same numbers", async ({ page }) => {
  await page.addInitScript(() => delete (WebAssembly as { Suspending?: unknown }).Suspending);
  const requested: string[] = [];
  page.on("request", (request) => requested.push(request.url()));
  await openTestPage(page, "runtime");
  const wasm = await steps(page, "wasm", 2);
  const webgpu = await steps(page, "webgpu", 2);
  // the addresses that end so are the binaries; with ?url behind them they are modules that hold an address
  expect(requested.some((url) => url.endsWith("asyncify.wasm"))).toBe(true);
  expect(requested.some((url) => url.endsWith("jspi.wasm"))).toBe(false);
  expect(relativeDifference(webgpu.theta, wasm.theta)).toBeLessThan(1e-3);
});

test("every node of a step runs on the GPU", async ({ page }) => {
  const placements = placementsOf(page);
  await openTestPage(page, "runtime");
  await steps(page, "webgpu", 2, { session: { logSeverityLevel: 0 } });
  expect(placements).toHaveLength(2); // the plain step, and the one that revives dead units
  for (const placed of placements) expect(placed).toMatch(/^All nodes placed on \[WebGpuExecutionProvider\]/);
});
