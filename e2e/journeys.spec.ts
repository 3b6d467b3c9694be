/** What people do with the page, on the model that comes with it, in WASM. */
import { decode } from "fast-png";
import { readFileSync } from "node:fs";
import { expect, test } from "playwright/test";
import { atLeast, drawn, embedded, opened, picture, pixels, QUICK, step, withModels } from "./app";

test("the page opens, and a picture grows by itself and gets better", async ({ page }) => {
  await withModels(page);
  await page.goto("/#size=64&steps=48");
  await atLeast(page, 1);
  await expect(page.getByTestId("rate")).toHaveText(/^[\d.]+$/);
  await expect(page.getByTestId("score")).toHaveText(/^−?[\d.,]+$/);
  await drawn(page, async () => {});
  await expect(page.getByTestId("step")).toHaveText(/^48\s*\/ 48$/);
  const { width, height, deviation } = await pixels(page);
  expect([width, height]).toEqual([64, 64]);
  expect(deviation).toBeGreaterThan(12);
  const [, first, last] = /Objective (\S+) → (\S+)\.(?: |$)/.exec(await page.locator(".caption").innerText()) ?? [];
  const number = (text = ""): number => Number(text.replace(",", "").replace("−", "-"));
  expect(number(last)).toBeGreaterThan(2 * number(first));
  await expect(page.getByTestId("device")).toContainText(/WASM, \d thread/);
  await expect(page.locator(".caption")).toContainText("seed 1, 48 steps at 64 × 64 pixels, on WASM");
});

test("stop, another seed, other sizes and steps", async ({ page }) => {
  await withModels(page);
  await page.goto("/#size=64&steps=2560");
  await atLeast(page, 3);
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("status")).toHaveText(/Stopped at step \d+/);
  const stopped = await step(page);
  await page.waitForTimeout(700);
  expect(await step(page)).toBe(stopped);
  await expect(page.locator(".strip li")).toHaveCount(1);

  await page.getByLabel("Steps", { exact: true }).selectOption("64");
  await expect(page.getByTestId("step")).toContainText("/ 64");
  await page.getByRole("button", { name: "Another seed" }).first().click();
  await expect(page.getByLabel("Seed", { exact: true })).toHaveValue("2");
  await atLeast(page, 2);
  await page.getByLabel("Size").selectOption("96");
  await expect.poll(async () => (await pixels(page)).width, { timeout: 60_000 }).toBe(96);
  await expect(page).toHaveURL(/size=96&steps=64&seed=2$/);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
});

test("another channel reads no weights again, and is kept beside the first", async ({ page }) => {
  const requests = await withModels(page);
  await opened(page, "/" + QUICK);
  expect(requests.weights).toHaveLength(1);
  const engine = page.workers().find((worker) => worker.url().includes("engine"));
  if (!engine)
    throw new Error(
      `no engine worker among ${page
        .workers()
        .map((w) => w.url())
        .join()}`,
    );
  await engine.evaluate(() => {
    const get = IDBObjectStore.prototype.get;
    const counts = { reads: 0 };
    IDBObjectStore.prototype.get = function (key) {
      counts.reads += 1;
      return get.call(this, key);
    };
    Object.assign(self, { counts });
  });
  await drawn(page, () => page.getByRole("button", { name: "Next channel" }).click());
  await expect(page.getByRole("heading", { name: "channel 3" })).toBeVisible();
  expect(await engine.evaluate(() => (self as unknown as { counts: { reads: number } }).counts.reads)).toBe(0);
  expect(requests.weights).toHaveLength(1);
  expect(page.workers()).toContain(engine);

  const thumbs = page.locator(".strip li button");
  await expect(thumbs).toHaveCount(2);
  await thumbs.nth(1).click();
  await expect(page.getByTestId("channel")).toHaveValue("2");
  await expect(page).toHaveURL(/channel=2/);
  await expect(page.getByTestId("step")).toHaveText(/^24\s*\/ 24$/);
});

test("one neuron, and a direction over channels", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await drawn(page, () => page.getByText("Neuron", { exact: true }).click());
  await drawn(page, () => page.getByLabel("Column x").fill("1"));
  await expect(page).toHaveURL(/kind=neuron&channel=\d+&x=1/);
  await expect(page.locator(".caption")).toContainText("column 1");
  await page.getByLabel("Column x").fill("999");
  await expect(page.getByRole("alert")).toContainText("position x = 999 is outside layer");
  await drawn(page, () => page.getByText("Direction", { exact: true }).click());
  await drawn(page, () => page.getByLabel("Channels and weights").fill("3:1, 5:-0.5"));
  await expect(page.getByRole("heading", { name: /channels 1 x 3 \+ -0.5 x 5/ })).toBeVisible();
  await page.getByLabel("Channels and weights").fill("3:soup");
  await expect(page.locator("#direction-note")).toContainText('"3:soup" is not channel:weight');
});

test("the PNG is a valid picture of the right size and name", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK.replace("channel=2", "channel=3"));
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "PNG" }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(new RegExp(`^${embedded().card.id}_.+_3_1\\.png$`));
  const { width, height, channels, data } = decode(readFileSync(await download.path()));
  expect([width, height, data.length]).toEqual([64, 64, 64 * 64 * channels]);
  expect(new Set(data).size).toBeGreaterThan(32);
});

test("after a reload the same unit comes back, and nothing is downloaded again", async ({ page }) => {
  const requests = await withModels(page);
  await opened(page, "/" + QUICK);
  await drawn(page, async () => {
    await page.getByText("block 5", { exact: true }).click();
    await page.getByTestId("channel").fill("7");
    await page.getByLabel("Seed", { exact: true }).fill("11");
  });
  await expect(page).toHaveURL(/layer=.*expanded_conv_4.*&channel=7&size=64&steps=24&seed=11$/);
  const before = await pixels(page);
  expect(requests.weights).toHaveLength(1);

  const comesBack = async (visit: () => Promise<unknown>): Promise<void> => {
    await visit();
    await expect(page.getByRole("status")).toContainText("Finished: block 5, channel 7", { timeout: 90_000 });
    await expect(page.getByLabel("Seed", { exact: true })).toHaveValue("11");
    expect(await pixels(page)).toEqual(before); // same recipe, seed, weights and backend: same picture
    expect(requests.weights).toHaveLength(1);
  };
  await comesBack(() => page.reload());
  await page.goto("about:blank");
  await comesBack(() => page.goto("/")); // no fragment: the last visit is remembered
});

test("by keyboard alone", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByTestId("channel")).toHaveValue("3");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowLeft");
  await expect(page.getByTestId("channel")).toHaveValue(/^\d\d+$/); // round to the last

  const focused = page.locator(":focus");
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      const says = await focused.evaluate(
        (e) =>
          `${e.getAttribute("aria-label") ?? ""} ${(e as HTMLElement).innerText} ${(e as HTMLInputElement).labels?.[0]?.innerText ?? ""}`,
      );
      if (name.test(says)) return;
    }
    throw new Error(`Tab does not reach ${String(name)}`);
  };
  await tabTo(/Choose a model/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(focused).toHaveText(/Choose a model/); // focus returns
  const layer = page.locator('input[name="layer"]:checked');
  const was = await layer.inputValue();
  await tabTo(/^ *block/);
  await page.keyboard.press("ArrowUp");
  await expect(layer).not.toHaveValue(was);
  await tabTo(/Stop|Start again/);
  await tabTo(/Next channel/);
  await tabTo(/Seed/);
  await page.keyboard.press("ControlOrMeta+A");
  await drawn(page, () => page.keyboard.type("5"));
  await expect(page).toHaveURL(/seed=5$/);
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark" });
  test("all of it fits, and thumbs can press it", async ({ page }) => {
    await withModels(page);
    await opened(page, "/" + QUICK);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    const box = await picture(page).boundingBox();
    expect(box && box.y + box.height).toBeLessThan(844); // the picture is on the first screen
    for (const button of await page.getByRole("button").all()) {
      const size = await button.boundingBox();
      if (size) expect(size.height, await button.innerText()).toBeGreaterThanOrEqual(36);
    }
    await drawn(page, () => page.getByRole("button", { name: "Next channel" }).tap());
    await expect(page).toHaveURL(/channel=3/);
  });
});

test("a picture's box never moves while it is waited for and grows", async ({ page }) => {
  await withModels(page);
  await page.goto("/" + QUICK.replace("channel=2", "channel=3"));
  const box = picture(page);
  await expect(box).toBeAttached();
  const first = await box.boundingBox();
  await expect(page.getByRole("status")).toContainText("Finished", { timeout: 90_000 });
  expect(await box.boundingBox()).toEqual(first);
});
