/** Pictures through the client, in a real worker, with the faults of real machines: each ends in a message, and a retry works. */
import { expect, test, type Page } from "playwright/test";
import type { EnginePage, Outcome } from "./pages/engine";
import { openTestPage } from "./testPage";

type Draw = EnginePage["draw"];
const draw = (page: Page, ...args: Parameters<Draw>): Promise<Outcome> =>
  page.evaluate((a) => (window as unknown as { page: EnginePage }).page.draw(...a), args);

test.beforeEach(({ page }) => openTestPage(page, "engine"));

test("a picture grows: frames and steps come, no more than one event in 50 ms", async ({ page }) => {
  const outcome = await draw(page, "wasm", 40);
  expect(outcome).toMatchObject({ end: "made", message: "32 x 32, 40 steps on wasm", step: 40, workers: 1 });
  expect(outcome.frames).toBeGreaterThan(0);
  expect(outcome.events).toBeLessThan(2 + outcome.frames + outcome.elapsedMs / 50);
});

test("a software adapter is passed over, unless asked for", async ({ page }) => {
  const device = (choice: "auto" | "webgpu") =>
    page.evaluate((c) => (window as unknown as { page: EnginePage }).page.device(c), choice);
  expect(await device("auto")).toMatchObject({ backend: "wasm", reason: expect.stringMatching(/software/) });
  expect(await device("webgpu")).toMatchObject({ backend: "webgpu", reason: expect.stringMatching(/as you asked/) });
});

test("one worker serves both devices in turn", async ({ page }) => {
  expect(await draw(page, "wasm", 3)).toMatchObject({ end: "made", message: "32 x 32, 3 steps on wasm" });
  expect(await draw(page, "webgpu", 3)).toMatchObject({ end: "made", message: "32 x 32, 3 steps on webgpu" });
  expect(await draw(page, "wasm", 3)).toMatchObject({ end: "made", workers: 1 });
});

for (const device of ["wasm", "webgpu"] as const)
  test(`a cancel is heard between steps (${device}), and the worker goes on`, async ({ page }) => {
    const cancelled = await draw(page, device, 5000, "abort");
    expect(cancelled).toMatchObject({ end: "Error", message: "no longer wanted" });
    await page.waitForTimeout(2500);
    expect(await draw(page, device, 3)).toMatchObject({ end: "made", workers: 1 });
  });

test("the GPU is lost mid-run: a message, and a retry that works", async ({ page }) => {
  const lost = await draw(page, "webgpu", 5000, "loseDevice");
  expect(lost).toMatchObject({
    end: "DeviceLostError",
    message: expect.stringMatching(/^the graphics device was lost .*start again/),
  });
  expect(await draw(page, "webgpu", 3)).toMatchObject({ end: "made", message: "32 x 32, 3 steps on webgpu", workers: 2 });
});

test("the GPU is lost between two pictures: the second one starts over by itself", async ({ page }) => {
  await draw(page, "webgpu", 3, "loseDevice", 3);
  expect(await draw(page, "webgpu", 3)).toMatchObject({ end: "made", message: "32 x 32, 3 steps on webgpu", workers: 2 });
});

test("the worker vanishes without a word: a message, and a retry that works", async ({ page }) => {
  const gone = await draw(page, "wasm", 5000, "vanish");
  expect(gone).toMatchObject({ end: "WorkerCrashed", message: expect.stringMatching(/ended without a word.*Start again/) });
  expect(await draw(page, "wasm", 3)).toMatchObject({ end: "made", workers: 2 });
});

test("the worker throws outside any job: a message, and a retry that works", async ({ page }) => {
  const crashed = await draw(page, "wasm", 5000, "crash");
  expect(crashed).toMatchObject({ end: "WorkerCrashed", message: expect.stringMatching(/boom.*Start again/) });
  expect(await draw(page, "wasm", 3)).toMatchObject({ end: "made", workers: 2 });
});

test("a worker that never yields again is stopped by force once its job is cancelled", async ({ page }) => {
  expect(await draw(page, "wasm", 5000, "hang")).toMatchObject({ end: "Error", message: "no longer wanted" });
  const retry = await draw(page, "wasm", 3);
  expect(retry).toMatchObject({ end: "made", workers: 2 });
});
