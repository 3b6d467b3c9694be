/** ONNX Runtime on both backends, in Chromium's software adapter: the same numbers, and every node where it should be. */
import { expect, test, type Page } from "playwright/test";
import type { RuntimePage, StepsResult } from "./pages/runtime";
import { openTestPage } from "./testPage";

type Steps = RuntimePage["steps"];
const steps = (page: Page, ...args: Parameters<Steps>): Promise<StepsResult> =>
  page.evaluate((a) => (window as unknown as { page: RuntimePage }).page.steps(...a), args);

/** Largest difference, relative to the largest magnitude. */
function relativeDifference(a: readonly number[], b: readonly number[]): number {
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / scale;
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
  const placements: string[] = [];
  page.on("console", (message) => {
    const [placed] = /(All nodes|Node\(s\)) placed on .*/.exec(message.text()) ?? [];
    if (placed) placements.push(placed);
  });
  await openTestPage(page, "runtime");
  await steps(page, "webgpu", 2, { logSeverityLevel: 0 });
  expect(placements).toHaveLength(2); // the plain step, and the one that revives dead units
  for (const placed of placements) expect(placed).toMatch(/^All nodes placed on \[WebGpuExecutionProvider\]/);
});
