/** What speaks for an answer: a photo, its classes, maps side by side, a patch that is dragged, files that say what they are of. */
import { readFileSync } from "node:fs";
import { expect, test, type Page } from "playwright/test";
import { textIn } from "../src/provenance/pngText";
import { drop, withModels } from "./app";

const QUICK_MAPS = `#channel=2&view=attribution&with=${encodeURIComponent('{"methods":[{"name":"gradCam"}]}')}`;
const card = (page: Page, title: string) =>
  page.locator("figure").filter({ has: page.getByRole("button", { name: title, exact: true }) });
/** What the map's canvas holds, as a short text. */
const shown = (page: Page, title: string): Promise<string> =>
  card(page, title)
    .locator("canvas")
    .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL().slice(-4000));
const saved = async (page: Page, act: () => Promise<void>): Promise<Buffer> => {
  const coming = page.waitForEvent("download");
  await act();
  return readFileSync(await (await coming).path());
};

test("a photo's classes, maps for one of them, values under the cursor, files, a link that leads back", async ({ page }) => {
  await withModels(page);
  await page.goto(`/${QUICK_MAPS}`);
  const cam = card(page, "Grad-CAM");
  await expect(cam.locator("dl")).toContainText("Strongest", { timeout: 60_000 });
  const targets = page.getByRole("group", { name: "What to explain" });
  await expect(targets.getByRole("radio")).toHaveCount(8);
  const forTheFirst = await shown(page, "Grad-CAM");

  await targets.getByRole("radio", { name: /^cat/ }).check();
  await expect(page).toHaveURL(/with=.*target/);
  await expect.poll(() => shown(page, "Grad-CAM")).not.toBe(forTheFirst);

  await page.getByRole("button", { name: "Add a method" }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^Input × Gradient/ })
    .click();
  const product = card(page, "Input × Gradient");
  await expect(product.locator("dl")).toContainText("Strongest", { timeout: 60_000 });
  await expect(page.getByLabel("For and against")).toHaveValue("redBlue"); // this map has a sign

  await product.locator("canvas").focus();
  await page.keyboard.press("ArrowRight");
  await expect(product.locator("dl")).toContainText(/Here\s*−?\d/);
  await expect(cam.locator("dl")).toContainText(/Here\s*−?\d/); // the same pixel over all maps

  const png = await saved(page, () => cam.getByRole("button", { name: "Save Grad-CAM as PNG" }).click());
  const record = JSON.parse(textIn(png, "micrographia-attribution") ?? "null") as Record<string, unknown>;
  expect(record).toMatchObject({ picture: "photo:cat", method: { name: "gradCam" }, target: { kind: "class", class: 15 } });
  const npy = await saved(page, () => product.getByRole("button", { name: ".npy" }).click());
  expect(npy.subarray(1, 6).toString()).toBe("NUMPY");
  expect(npy.toString("latin1", 10, 100)).toContain("'shape': (3, 512, 512)");

  await page.reload();
  await expect(targets.getByRole("radio", { name: /^cat/ })).toBeChecked();
  await expect(card(page, "Input × Gradient").locator("dl")).toContainText("Strongest", { timeout: 60_000 });

  await page.getByLabel("Order").selectOption("quickest first");
  await page.getByRole("button", { name: "Rather than" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Direction", { exact: true }).click();
  await dialog.getByText("block 7", { exact: true }).click();
  await dialog.getByLabel("Channels and weights").fill("3:1, 5:-2");
  await dialog.getByLabel("Column x").fill("4");
  await expect(dialog.getByRole("button", { name: "Explain this direction" })).toBeDisabled(); // a column without its row
  await dialog.getByLabel("Row y").fill("6");
  await dialog.getByRole("button", { name: "Explain this direction" }).click();
  await expect(targets.getByRole("radio", { checked: true })).toHaveAccessibleName(
    "cat rather than block 7, direction 3:1, 5:-2 at 4, 6",
  );
  await expect(cam).not.toHaveClass(/stale/);

  await drop(page, [{ name: "map.png", bytes: png }]); // the file leads back to what it is of
  await expect(targets.getByRole("radio", { checked: true })).toHaveAccessibleName(/^cat at \d+, \d+$/); // where it was looked for
  await expect(page.locator("figure").filter({ has: page.locator("dl") })).toHaveCount(1);
});

/** A camera that is refused once, and then films a disc that moves. */
const filming = async (page: Page): Promise<void> => {
  await page.addInitScript(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const context = canvas.getContext("2d")!;
    let asked = 0;
    let time = 0;
    const draw = (): void => {
      context.fillStyle = "#345";
      context.fillRect(0, 0, 320, 240);
      context.fillStyle = "#fc3";
      context.beginPath();
      context.arc(160 + 90 * Math.sin((time += 0.3)), 120, 50, 0, 7);
      context.fill();
    };
    navigator.mediaDevices.getUserMedia = () => {
      if (asked++ === 0) return Promise.reject(new DOMException("no", "NotAllowedError"));
      setInterval(draw, 100);
      draw();
      return Promise.resolve(canvas.captureStream(10));
    };
  });
};

test("a patch that is dragged leads quick maps along, and so does a camera; a dropped photo is explained; what a link says wrongly is told", async ({
  page,
}) => {
  await filming(page);
  await withModels(page);
  await page.goto(`/${QUICK_MAPS}`);
  const cam = card(page, "Grad-CAM");
  await expect(cam.locator("dl")).toContainText("Strongest", { timeout: 60_000 });
  const whole = await shown(page, "Grad-CAM");
  await page.getByRole("button", { name: "Hide a patch" }).click();
  await expect.poll(() => shown(page, "Grad-CAM")).not.toBe(whole);
  await expect(cam).not.toHaveClass(/stale/);
  const hidden = await shown(page, "Grad-CAM");
  const patch = page.getByRole("slider", { name: /A patch that hides/ });
  const box = (await patch.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.4 * box.height, { steps: 4 });
  await expect.poll(() => shown(page, "Grad-CAM"), { message: "while the patch is still held" }).not.toBe(hidden);
  await page.mouse.up();
  await expect(patch).toHaveAttribute("aria-valuetext", /^30 % across, 40 % down/);

  await page.getByRole("button", { name: "Camera" }).click();
  await expect(page.getByRole("alert")).toContainText("The camera was not allowed. Allow it");
  await page.getByRole("button", { name: "Camera" }).click();
  await expect(page.getByText("Live from the camera")).toBeVisible();
  for (let frame = 0; frame < 3; frame++) {
    const last = await shown(page, "Grad-CAM");
    await expect.poll(() => shown(page, "Grad-CAM"), { message: "the map follows the camera" }).not.toBe(last);
  }
  await page.getByRole("button", { name: "Stop the camera" }).click();
  await expect(page.getByText(/Drag the patch/)).toBeVisible();

  await drop(page, [{ name: "mine.jpg", bytes: readFileSync("public/pictures/coffee.jpg") }]);
  await expect(page.getByText(/^mine.jpg, cut and scaled/)).toBeVisible();
  await expect(page).toHaveURL(/with=.*sha256/);
  await expect(page.getByRole("group", { name: "What to explain" })).toContainText("cup");

  await page.getByRole("button", { name: "Add a method" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^RISE/ }).click();
  const rise = card(page, "RISE");
  await expect(rise.getByRole("status")).toContainText(/Asking the network, \d+ of 1000/, { timeout: 60_000 });
  await rise.getByRole("button", { name: "Stop RISE" }).click();
  await expect(rise.getByRole("button", { name: "Make it" })).toBeVisible();

  await page.goto(`/#view=attribution&with=${encodeURIComponent('{"methods":[{"name":"magic"}]}')}`);
  await expect(page.getByRole("alert")).toContainText(/"magic".*saliency/);
});
