/** The store's worker in a real browser: its IndexedDB over reloads, its fetch over bad connections, its quota, its locks. */
import { createHash, randomBytes } from "node:crypto";
import { expect, test, type Page } from "playwright/test";
import type { ModelFile } from "../src/api/model";
import { faultServer, serve, type FaultServer } from "../test/faultServer";

const MIB = 1 << 20;
const bytes = randomBytes(5 * MIB + 4321);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const pageUrl = () => `http://127.0.0.1:${process.env.E2E_PAGES_PORT}/e2e/pages/store.html`;

let server: FaultServer;
test.beforeAll(async () => void (server = await faultServer()));
test.afterAll(() => server.close());

const file = (change: Partial<ModelFile> = {}): ModelFile => ({
  url: `${server.url}net.onnx`,
  origin: "canonical",
  bytes: bytes.length,
  sha256,
  format: "onnx",
  weights: "int8",
  ...change,
});

async function open(page: Page): Promise<void> {
  await page.goto(pageUrl());
  await page.waitForFunction(() => "storePage" in window);
}

const fetchFile = (page: Page, wanted = file()) => page.evaluate((f) => window.storePage.fetch(f), wanted);
const list = (page: Page) => page.evaluate(() => window.storePage.list());
const digest = (page: Page) => page.evaluate((s) => window.storePage.digest(s), sha256);

test("cut on the way, it arrives; after a reload it is there and not fetched again", async ({ page }) => {
  server.behave((q, r, n) => serve(q, r, bytes, { cors: true, cutAfter: n < 4 ? MIB : Infinity }));
  await open(page);
  const { stored, events, error } = await fetchFile(page);
  expect(error).toBeNull();
  expect(stored).toMatchObject({ sha256, bytes: bytes.length });
  const loaded = events.flatMap((e) => (e.phase === "download" ? [e.loadedBytes] : []));
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  expect(loaded.at(-1)).toBe(bytes.length);
  const requests = server.ranges.length;

  await open(page);
  expect(await list(page)).toEqual([stored]);
  expect((await fetchFile(page)).stored).toEqual(stored);
  expect(await digest(page)).toBe(sha256);
  expect(server.ranges.length).toBe(requests);
  expect(await page.evaluate(() => window.storePage.notice())).toBeNull();
});

test("the tab is closed in the middle: the next one goes on from there", async ({ context }) => {
  server.behave((q, r) => serve(q, r, bytes, { cors: true, cutAfter: 3 * MIB + 5, stall: true }));
  const first = await context.newPage();
  await open(first);
  await first.evaluate((f) => void window.storePage.fetch(f), file());
  await expect.poll(() => first.evaluate((s) => window.storePage.parts(s), sha256)).toBe(3);
  await first.close();

  server.behave((q, r) => serve(q, r, bytes, { cors: true }));
  const second = await context.newPage();
  await open(second);
  expect(await list(second)).toEqual([]);
  const { error, events } = await fetchFile(second);
  expect(error).toBeNull();
  expect(events[0]?.phase).toBe("verify");
  expect(server.ranges).toEqual([`bytes=${3 * MIB}-`]);
  expect(await digest(second)).toBe(sha256);
});

test("the server stops half way for good: said so, and what arrived serves the next try", async ({ page }) => {
  test.setTimeout(90_000); // six tries with their pauses
  server.behave((q, r, n) => (n === 0 ? serve(q, r, bytes, { cors: true, cutAfter: 2 * MIB + 9, linger: 500 }) : r.destroy()));
  await open(page);
  const { error } = await fetchFile(page);
  expect(error?.name).toBe("DownloadError");
  expect(error?.message).toMatch(/could not be reached.*\d\.\d\d MB of 5\.25 MB downloaded/);
  const kept = await page.evaluate((s) => window.storePage.parts(s), sha256);
  expect(kept).toBeGreaterThanOrEqual(1); // two, unless the browser was too busy to hand them on
  server.behave((q, r) => serve(q, r, bytes, { cors: true }));
  expect((await fetchFile(page)).error).toBeNull();
  expect(server.ranges).toEqual([`bytes=${kept * MIB}-`]);
});

test("wrong SHA-256: both digests, and nothing is listed", async ({ page }) => {
  server.behave((q, r) => serve(q, r, bytes, { cors: true }));
  await open(page);
  const wrong = "f".repeat(64);
  const { error } = await fetchFile(page, file({ sha256: wrong }));
  expect(error?.name).toBe("DigestError");
  expect(error?.message).toContain(sha256);
  expect(error?.message).toContain(wrong);
  expect(await list(page)).toEqual([]);
});

test("another origin without CORS, a web page, and nothing there", async ({ page }) => {
  await open(page);
  server.behave((q, r) => serve(q, r, bytes));
  expect((await fetchFile(page)).error?.message).toMatch(/does not let this page read .* \(CORS\)/);
  const html = { "Content-Type": "text/html", "Access-Control-Allow-Origin": "*" };
  server.behave((_, r) => void r.writeHead(200, html).end("<!doctype html><title>Log in</title>"));
  expect((await fetchFile(page)).error?.message).toContain("sent a web page (text/html)");
  server.behave((_, r) => void r.writeHead(404, html).end());
  expect((await fetchFile(page)).error?.message).toContain("answered 404");
});

test("no room: a message, what arrived is freed, and with room it works", async ({ page }) => {
  server.behave((q, r) => serve(q, r, bytes, { cors: true }));
  await open(page);
  const devtools = await page.context().newCDPSession(page);
  const origin = new URL(pageUrl()).origin;
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 2 * MIB });
  const { error } = await fetchFile(page);
  expect(error?.name).toBe("QuotaError");
  expect(error?.message).toMatch(/storing it needs 5\.25 MB, but this browser (allows the page only|refused to store more)/);
  expect(await page.evaluate((s) => window.storePage.parts(s), sha256)).toBe(0); // freed
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  expect((await fetchFile(page)).error).toBeNull();
});

test("two tabs at once: one download", async ({ context }) => {
  server.behave((q, r) => serve(q, r, bytes, { cors: true }));
  const tabs = await Promise.all([context.newPage(), context.newPage()]);
  await Promise.all(tabs.map(open));
  const outcomes = await Promise.all(tabs.map((tab) => fetchFile(tab)));
  expect(outcomes.map(({ error }) => error)).toEqual([null, null]);
  expect(server.ranges.length).toBe(1);
});
