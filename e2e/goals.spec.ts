/** What the reader may want of a picture, beyond one unit: goals behind "More", changes while it grows, recipes; and watching how it grew. */
import { readFileSync } from "node:fs";
import { decode } from "fast-png";
import { decodeFrames } from "modern-gif";
import { expect, test, type Page } from "playwright/test";
import { recordIn } from "../src/provenance/record";
import { atLeast, drawn, drop, opened, picture, QUICK, withModels } from "./app";

const goal = async (page: Page, title: string): Promise<void> => {
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("dialog", { name: "What to look for" }).getByRole("button", { name: title }).click();
};
const objectiveIn = (page: Page): Record<string, unknown> =>
  JSON.parse(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("objective") ?? "null") as Record<string, unknown>;

test("several units together; a weight that is changed while the picture grows leads it on", async ({ page }) => {
  await withModels(page);
  await page.goto("/#channel=2&size=64&steps=2560");
  await atLeast(page, 2);
  await goal(page, "Units together");
  await page.getByRole("button", { name: "Add a unit" }).click();
  await expect.poll(() => objectiveIn(page)).toMatchObject({ kind: "sum", of: [{ channel: 2 }, { channel: 3 }, { channel: 4 }] });
  await atLeast(page, 3);
  await page.getByLabel("Weight").nth(1).fill("0.5");
  await expect(page.getByRole("status")).toHaveText(/Climbing on from step \d+/);
  await expect.poll(() => objectiveIn(page)).toMatchObject({ of: [{ channel: 2 }, { kind: "scale", by: 0.5 }, { channel: 4 }] });
  await expect(page.locator(".hero")).toContainText(/climbing on from step \d+/);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(page.locator(".caption")).toContainText("What it climbs was changed on its way");
});

test("a class by name, a painted mask, a caricature, JSON", async ({ page }) => {
  await withModels(page);
  await opened(page, `/${QUICK}`);
  await drawn(page, () => goal(page, "A class by name"));
  await page.getByRole("searchbox", { name: "Search 80 classes" }).fill("zeb");
  await drawn(page, () => page.getByText("zebra", { exact: true }).click());
  await expect(page.getByRole("heading", { level: 2, name: "class zebra" })).toBeVisible();

  await drawn(page, () => goal(page, "Where you paint"));
  const grid = page.getByRole("grid", { name: "Where the unit should fire" });
  await page.getByRole("button", { name: "Clear" }).click();
  await grid.getByRole("gridcell").first().focus();
  await page.keyboard.press("ArrowRight");
  await drawn(page, () => page.keyboard.press("Space"));
  expect((objectiveIn(page).mask as number[]).slice(0, 3)).toEqual([0, 1, 0]);

  await drawn(page, () => goal(page, "Caricature"));
  expect(objectiveIn(page)).toMatchObject({ kind: "caricature", picture: "drawn:1" });
  await page.getByRole("button", { name: /Choose a picture/ }).click();
  await drawn(page, () => page.getByRole("dialog", { name: "Pictures" }).getByRole("button", { name: "drawing 3" }).click());
  expect(objectiveIn(page)).toMatchObject({ picture: "drawn:2" });

  await goal(page, "Written as JSON");
  await page.getByRole("textbox", { name: /JSON/ }).fill('{"kind":"chanel"}');
  await expect(page.getByText('objective field "kind" is "chanel"; it must be channel or')).toBeVisible();
});

test("a recipe is named, changed and taken back", async ({ page }) => {
  await withModels(page);
  await opened(page, `/${QUICK}`);
  await page.getByLabel("Recipe").selectOption("quick");
  await expect(page).toHaveURL(/recipe=quick&size=\d+&steps=96&/);
  await page.getByLabel("Size").selectOption("64");
  await page.locator("summary", { hasText: "Adjust" }).click();
  await page.getByLabel("Drawn as").selectOption("pixel");
  await expect.poll(() => decodeURI(page.url())).toContain('"parametrization":{"kind":"pixel"');
  await page.getByLabel("Pictures at once").fill("2");
  await page.getByLabel("Pictures at once").press("Enter");
  await expect
    .poll(() => picture(page).evaluate((c: HTMLCanvasElement) => c.width > 1.9 * c.height), { timeout: 60_000 })
    .toBe(true);
  await page.getByLabel("Pictures at once").fill("1");
  await page.getByLabel("Pictures at once").press("Enter");
  await page.getByLabel("Drawn as").selectOption("maco");
  const photo = { name: "a.png", mimeType: "image/png", buffer: readFileSync("docs/gallery/channel.png") };
  await page.getByLabel("Photos whose magnitudes are kept").setInputFiles([photo]);
  await expect(page.getByText("The mean magnitudes of this picture.")).toBeVisible();
  await expect.poll(() => decodeURI(page.url())).toMatch(/"kind":"maco",.*"pictures":\["sha256:[0-9a-f]{64}"\]/);
  await atLeast(page, 1);
  await page.getByRole("button", { name: "Back to the recipe" }).click();
  await expect(page).toHaveURL(/recipe=quick&/);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
});

test("scrub through how it grew, take it away as GIF and sheet, and have the file lead back", async ({ page }) => {
  await withModels(page);
  await opened(page, `/${QUICK.replace("steps=24", "steps=64")}`);
  const canvas = (): Promise<string> => picture(page).evaluate((c: HTMLCanvasElement) => c.toDataURL());
  const last = await canvas();
  const frames = page.getByRole("slider", { name: "Frames of this picture" });
  await frames.press("Home");
  await expect(frames).toHaveAttribute("aria-valuetext", "Step 1 of 64");
  expect(await canvas()).not.toBe(last);
  await page.getByRole("button", { name: "Play how it grew" }).click();
  await expect.poll(canvas, { timeout: 20_000 }).toBe(last);

  const taken = async (title: string): Promise<Buffer> => {
    const menu = page.locator("summary", { hasText: "Film" });
    if (!(await page.getByRole("button", { name: title }).isVisible())) await menu.click();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: title }).click();
    return readFileSync(await (await coming).path());
  };
  const gif = await taken("Animation");
  const kept = Number(await frames.getAttribute("max")) + 1;
  expect(decodeFrames(Uint8Array.from(gif).buffer)).toHaveLength(kept);
  const sheet = await taken("Contact sheet");
  expect(decode(sheet).width).toBeGreaterThan(2 * 64);
  const record = recordIn(sheet)!;
  expect(record.shows).toMatchObject({ kind: "film", of: { kind: "picture", index: 0 } });
  const video = await taken("Video");
  expect(video.subarray(0, 4)).toEqual(Buffer.from([0x1a, 0x45, 0xdf, 0xa3])); // EBML, as WebM begins

  for (const [name, bytes, channel] of [
    ["film.gif", gif, 3],
    ["film.webm", video, 4],
  ] as const) {
    await drawn(page, () => page.getByTestId("channel").fill(String(channel)));
    await drop(page, [{ name, bytes }]);
    await expect(page).toHaveURL(/channel=2&size=64&steps=64&seed=1$/);
  }
  await page.locator("summary", { hasText: "Curve and spectrum" }).click();
  await expect(page.getByRole("img", { name: /The objective against the step: .* at step 1, .* at step 64/ })).toBeVisible();
  await expect(page.getByRole("img", { name: /Power against spatial frequency/ })).toBeVisible();
});
