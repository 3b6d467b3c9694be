/** The page under test: opening it with a catalogue of the test's own, and reading what it shows. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { expect, type Locator, type Page } from "playwright/test";
import type { Catalog, ModelCard, ModelFile } from "../src/api/model";

/** Real originals, present on some machines only. */
export const SHARED = "../shared/data/models/";
export const sharedModel = (file: string): Buffer | null => (existsSync(SHARED + file) ? readFileSync(SHARED + file) : null);

export const catalog = (): Catalog => JSON.parse(readFileSync("public/models/catalog.json", "utf8")) as Catalog;

/** The embedded default: its card, and its bytes as `npm run models` made them. */
export function embedded(): { card: ModelCard; bytes: Buffer } {
  const { models, default: id } = catalog();
  const card = models.find((model) => model.id === id);
  const file = card?.files.find(({ origin }) => origin === "hosted");
  if (!card || !file) throw new Error(`catalog.json: its default "${id}" has no hosted file.`);
  return { card, bytes: readFileSync(`public/models/${file.url}`) };
}

/** Where test models are said to live; what answers there is up to each test. */
export const ELSEWHERE = "https://models.test/";

/** `bytes` as the catalogue would name them. */
export const fileOf = (bytes: Uint8Array, name: string, change: Partial<ModelFile> = {}): ModelFile => ({
  url: ELSEWHERE + name,
  origin: "canonical",
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  format: "onnx",
  weights: "int8",
  ...change,
});

/** A card like the embedded default's, for other bytes. */
export const cardOf = (id: string, title: string, file: ModelFile, change: Partial<ModelCard> = {}): ModelCard => ({
  ...embedded().card,
  id,
  title,
  files: [file],
  ...change,
});

/** Has the page see the embedded default and `more`, whatever this machine hosts besides. Returns the requests for model files. */
export async function withModels(page: Page, more: ModelCard[] = []): Promise<{ weights: string[] }> {
  const { card } = embedded();
  const seen: Catalog = { version: 1, default: card.id, models: [card, ...more] };
  const requests: string[] = [];
  page.on("request", (request) => void (request.url().endsWith(".onnx") && requests.push(request.url())));
  await page.route("**/models/catalog.json", (route) => route.fulfill({ json: seen }));
  await page.route("**/models/hosted.json", (route) => route.fulfill({ status: 404, body: "" }));
  return { weights: requests };
}

/** Small and short, so that a journey takes seconds. */
export const QUICK = "#channel=2&size=64&steps=24&seed=1";

export const step = async (page: Page): Promise<number> => Number(/\d+/.exec(await page.getByTestId("step").innerText())?.[0]);
export const atLeast = (page: Page, wanted: number): Promise<void> =>
  expect.poll(() => step(page), { timeout: 90_000, message: `step ${wanted} is reached` }).toBeGreaterThanOrEqual(wanted);
/** Acts, and waits until one more picture is finished. */
export async function drawn(page: Page, act: () => Promise<unknown>): Promise<void> {
  const before = await page.locator(".strip li").count();
  await act();
  await expect(page.locator(".strip li")).toHaveCount(before + 1, { timeout: 90_000 });
  await expect(page.locator("p.unseen[role=status]")).toContainText("Finished");
}
/** Visits `url` and waits for the first picture that it draws by itself. */
export async function opened(page: Page, url: string): Promise<void> {
  if (page.url().endsWith(url)) await page.reload();
  else await page.goto(url);
  await expect(page.locator(".strip li")).toHaveCount(1, { timeout: 90_000 });
}
export const picture = (page: Page): Locator => page.locator(".hero canvas");

/** Mean and spread of the picture's bytes, alpha left out. */
export const pixels = (page: Page): Promise<{ width: number; height: number; mean: number; deviation: number }> =>
  picture(page).evaluate((canvas: HTMLCanvasElement) => {
    const { width, height } = canvas;
    const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
    const rgb = Array.from(data).filter((_, i) => i % 4 !== 3);
    const mean = rgb.reduce((sum, v) => sum + v, 0) / rgb.length;
    return { width, height, mean, deviation: Math.sqrt(rgb.reduce((sum, v) => sum + (v - mean) ** 2, 0) / rgb.length) };
  });

/** Opens the list of models and presses what gets or opens `title`. */
export async function pick(page: Page, title: string): Promise<Locator> {
  const row = await rowOf(page, title);
  await row.locator(".does button").first().click();
  return row;
}

export async function rowOf(page: Page, title: string): Promise<Locator> {
  const dialog = page.getByRole("dialog", { name: "Models" });
  if (!(await dialog.isVisible())) await page.getByRole("button", { name: "Choose a model" }).click();
  return dialog.getByRole("listitem").filter({ has: page.getByRole("heading", { name: title, exact: true }) });
}

export interface TestFile {
  name: string;
  bytes: Uint8Array;
}

/** What a person does with the mouse: drags files from their desktop over the page, and lets go. */
export async function drop(page: Page, files: readonly TestFile[]): Promise<void> {
  const sent = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString("base64") }));
  const transfer = await page.evaluateHandle(async (all) => {
    const data = new DataTransfer();
    for (const { name, base64 } of all) {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      data.items.add(new File([bytes], name));
    }
    return data;
  }, sent);
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await expect(page.getByText("Drop a model to look into it")).toBeVisible();
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await expect(page.getByText("Drop a model to look into it")).toBeHidden();
}
