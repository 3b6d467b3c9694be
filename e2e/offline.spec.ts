/** Installed, offline, updated: on a plain static host, in a folder, without headers. */
import { chromium, expect, test } from "playwright/test";
import { drawn, opened, pixels, QUICK } from "./app";
import { staticHost, type StaticHost } from "./staticHost";

test.use({ serviceWorkers: "allow" });

let host: StaticHost;
test.beforeEach(async () => {
  host = await staticHost("/blog/micrographia/");
});
test.afterEach(() => host.close());

test("a visit is enough: offline, the page opens again and draws, now with threads", async ({ launchOptions }, info) => {
  // a profile on disk, as readers have: a private window's cache is too small for the binary
  const context = await chromium.launchPersistentContext(info.outputPath("profile"), launchOptions);
  try {
    const [page = await context.newPage()] = context.pages();
    await opened(page, host.url + QUICK);
    await expect(page.getByTestId("offline")).toContainText("Ready for offline");
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await expect(page.getByTestId("device")).toContainText("WASM, 1 thread");
    const devtools = await context.newCDPSession(page);
    expect((await devtools.send("Page.getInstallabilityErrors")).installabilityErrors).toEqual([]);
    const binaries = host.asked.filter((path) => path.endsWith(".wasm"));
    expect(binaries, "one binary, asked for once: keeping it reads the browser's own cache").toHaveLength(1);

    await context.setOffline(true);
    await host.close();
    await page.getByRole("button", { name: "Reload to use them" }).click();
    await expect.poll(() => page.evaluate(() => crossOriginIsolated).catch(() => false)).toBe(true);
    await expect(page.locator(".strip li")).toHaveCount(1, { timeout: 60_000 });
    expect((await pixels(page)).deviation).toBeGreaterThan(5);
    await expect(page.getByTestId("device")).toContainText(/WASM, [2-9] threads/);
    const engine = page.workers().find((worker) => worker.url().includes("engine"));
    const evaluated = (): Promise<string> =>
      new Promise((done) =>
        setTimeout(() => {
          try {
            done(String((0, eval)("1")));
          } catch (error) {
            done((error as Error).name);
          }
        }),
      );
    expect(await engine?.evaluate(evaluated), "workers have a policy too").toBe("EvalError");
    await drawn(page, () => page.getByRole("button", { name: "Next channel" }).click());
  } finally {
    await context.close();
  }
});

test("without the headers of our own, by a switch", async ({ page }) => {
  await opened(page, host.url + QUICK);
  await page.getByLabel("Several threads for WASM").uncheck();
  await page.reload();
  await expect(page.getByTestId("offline")).toBeVisible();
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  await expect(page.getByRole("button", { name: /^Reload/ })).toHaveCount(0);
  await page.getByLabel("Several threads for WASM").check();
  await page.getByRole("button", { name: "Reload to use them" }).click();
  await expect.poll(() => page.evaluate(() => crossOriginIsolated)).toBe(true);
});

test("a new version is offered, in every tab, and comes by a press only", async ({ page, context }) => {
  await opened(page, host.url + QUICK);
  await expect(page.getByTestId("offline")).toBeVisible();
  const other = await context.newPage();
  await opened(other, host.url + QUICK);

  host.publish("Micrographia, second edition");
  await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration())?.update()));
  const offer = page.getByTestId("new-version");
  await expect(offer).toContainText("A new version is ready");
  await expect(other.getByTestId("new-version")).toBeVisible();
  for (const tab of [page, other]) await tab.evaluate(() => void Object.assign(window, { mark: true }));

  await other.getByTestId("new-version").getByRole("button", { name: "Later" }).click();
  await offer.getByRole("button", { name: "Reload" }).click();
  await expect.poll(() => page.evaluate(() => "mark" in window).catch(() => true)).toBe(false);
  await expect(page.getByRole("heading", { name: "Micrographia" })).toBeVisible();
  expect(await page.evaluate(async () => (await fetch("./")).text())).toContain("second edition");

  await expect(other.getByTestId("new-version"), "the other tab is told, and not reloaded").toBeVisible();
  expect(await other.evaluate(() => "mark" in window)).toBe(true);
  await other.getByTestId("new-version").getByRole("button", { name: "Reload" }).click();
  await expect(other.getByTestId("new-version")).toBeHidden();
});
