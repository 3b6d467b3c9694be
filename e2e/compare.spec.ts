/** Two pictures side by side: another seed, another layer, other weights; in the link, and on the way back. */
import { readFileSync } from "node:fs";
import { decode } from "fast-png";
import { expect, test, type Page } from "playwright/test";
import { cardOf, drawn, fileOf, opened, pick, QUICK, SHARED, sharedModel, withModels, ELSEWHERE, catalog } from "./app";

const facts = (page: Page) => page.getByRole("region", { name: "What tells them apart" });
const row = (page: Page, name: string) => facts(page).getByRole("row", { name }).getByRole("cell");

test("a seed against a seed, a layer against a layer; the link draws both again, and the way back leads to one", async ({
  page,
}) => {
  await withModels(page);
  await opened(page, `/${QUICK}`);
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await expect(facts(page)).toContainText("Both are the same so far");
  await drawn(page, () => facts(page).getByRole("button", { name: "Another seed" }).click());
  await expect(row(page, "Seed")).toHaveText(["1", "2"]);
  await expect(page.getByTestId("alike")).toContainText(/likeness -?\d\.\d\d of 1 in A’s layer/, { timeout: 60_000 });
  const finished = await row(page, "Objective, finished").allInnerTexts();
  expect(finished).toHaveLength(2);
  expect(finished[0]).not.toBe(finished[1]);

  const link = page.url();
  expect(link).toContain("seed=2&compare=");
  await page.goto("about:blank");
  await opened(page, link.replace(/^https?:\/\/[^/]+/, ""));
  await expect(row(page, "Objective, finished")).toHaveText(finished, { timeout: 60_000 }); // both came out as they were

  await facts(page).getByRole("button", { name: "Swap" }).click();
  await expect(row(page, "Seed")).toHaveText(["2", "1"]);
  expect(page.url()).toMatch(/seed=1&compare=.*seed%3D2$/);

  const next = facts(page).getByRole("button", { name: /^block|^last/ });
  const layer = await next.innerText();
  await drawn(page, () => next.click());
  await expect(row(page, "Looks for").last()).toContainText(layer);
  await expect(row(page, "What A climbs, of each")).toHaveCount(2, { timeout: 60_000 });
  await expect(row(page, "What B climbs, of each")).toHaveCount(2);

  await facts(page).getByRole("button", { name: "End comparing" }).click();
  await expect(facts(page)).toHaveCount(0);
  expect(page.url()).not.toContain("compare");
});

test("int8 against float32 of the same unit", async ({ page }) => {
  const bytes = sharedModel("googlenet.onnx");
  test.skip(!bytes, `no ${SHARED}googlenet.onnx on this machine`);
  const original = catalog().models.find(({ id }) => id === "googlenet")!;
  const file = fileOf(bytes!, "googlenet.onnx", { weights: "float32" });
  await withModels(page, [cardOf("googlenet", "GoogLeNet", file, { ...original, files: [file] })]);
  await page.route(`${ELSEWHERE}googlenet.onnx`, (route) => route.fulfill({ body: bytes! }));
  await opened(page, `/${QUICK}`);
  await drawn(page, () => pick(page, "GoogLeNet"));
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await drawn(page, () => facts(page).getByRole("button", { name: "float32 weights (a download)" }).click());
  await expect(row(page, "Weights")).toHaveText(["int8", "float32"]);
  await expect(row(page, "What B climbs, of each")).toHaveCount(2, { timeout: 60_000 });
  expect(Number(/likeness (\d\.\d\d)/.exec(await page.getByTestId("alike").innerText())![1])).toBeGreaterThan(0.7); // so short a climb is not settled yet
  expect(page.url()).toContain("weights=float32");
  await expect(facts(page).getByRole("button", { name: "int8 weights", exact: true })).toBeVisible(); // both are kept
});

test("a sheet of units by seeds fills row by row, is paused, exported, linked to, and opens each of its pictures", async ({
  page,
}) => {
  await withModels(page);
  await page.goto(`/${QUICK}&sheet=2,5:1,2`);
  const sheet = page.getByRole("region", { name: "Sheet of units" });
  await expect(sheet.getByText("2 of 2 drawn")).toBeVisible({ timeout: 90_000 });
  await expect(sheet.getByRole("button", { name: /^channel 5, seed 2, reaches/ })).toBeVisible();
  await expect(sheet.locator("canvas")).toHaveCount(4);

  await sheet.getByLabel("Units").fill("2..4");
  await sheet.getByLabel("Units").press("Enter");
  await expect(sheet.getByRole("button", { name: /^channel 2, seed 1, reaches/ })).toBeVisible(); // it is not drawn twice
  await sheet.getByRole("button", { name: "Pause" }).click();
  await expect(sheet.getByText("Paused")).toBeVisible();
  await expect(sheet.getByRole("button", { name: /^channel 4, seed 1: waiting/ })).toBeVisible();
  await sheet.getByRole("button", { name: "Go on" }).click();
  await expect(sheet.getByText("3 of 3 drawn")).toBeVisible({ timeout: 90_000 });
  await expect(page).toHaveURL(/&sheet=2,3,4:1,2$/);
  await sheet.getByLabel("Seeds").fill("1.5");
  await sheet.getByLabel("Seeds").press("Enter");
  await expect(sheet.getByRole("alert")).toContainText("1.5 is no seed");

  const coming = page.waitForEvent("download");
  await sheet.getByRole("button", { name: "PNG" }).click();
  const { width, height } = decode(readFileSync(await (await coming).path()));
  expect(width).toBeGreaterThan(2 * 64);
  expect(height).toBeGreaterThan(3 * 64);

  await drawn(page, () => sheet.getByRole("button", { name: /^channel 3, seed 2/ }).click());
  await expect(page).toHaveURL(/channel=3&size=64&steps=24&seed=2$/);
  await expect(sheet).toHaveCount(0);
});
