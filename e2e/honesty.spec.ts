/** What the page says about a finished picture: next to photos, from other seeds, with other weights. */
import { encode } from "fast-png";
import { expect, test, type Page } from "playwright/test";
import { drawn, opened, QUICK, withModels } from "./app";

/** A drawn picture file: stripes, `period` pixels wide. */
const stripes = (period: number): { name: string; mimeType: string; buffer: Buffer } => {
  const [width, height] = [96, 64];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
    Math.floor((i / 3) % width) % period < period / 2 ? 230 : 20,
  );
  const png = encode({ width, height, data, channels: 3, depth: 8 });
  return { name: `stripes-${period}.png`, mimeType: "image/png", buffer: Buffer.from(png) };
};
const panel = (page: Page) => page.getByRole("region", { name: "Next to real photos" });

test("a finished picture is measured next to photos, the reader's own among them, and from other seeds", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await expect(page.getByTestId("standing")).toHaveText(
    /^The finished picture reaches −?[\d.,]+, .*(strongest|more than).* 100 ImageNet photos/,
  );
  const strip = panel(page).getByRole("img");
  await expect(strip).toHaveAccessibleName(/^100 ImageNet photos reach from \S+ to \S+, .* This picture reaches \S+: /);
  await expect(page.getByTestId("int8")).toHaveText(
    /^Change .*Over 100 ImageNet photos the two agree at r\s=\s\d\.\d{3}, .*apart\.\s*$/,
  );

  await page.getByTestId("own-photos-input").setInputFiles([stripes(8), stripes(24)]);
  await expect(page.getByTestId("own-photos")).toContainText("is the most that any of 2 reaches. This picture reaches");
  await expect(page.getByTestId("own-photos")).toContainText(/stripes-(8|24)\.png/);

  await panel(page).getByRole("button", { name: "Draw it again from 3 other seeds" }).click();
  await expect(page.getByTestId("likeness")).toHaveText(
    /^(The same thing|The same kind|A different side).* likeness 0\.\d\d of 1/,
    {
      timeout: 90_000,
    },
  );
  await expect(panel(page).getByRole("figure")).toHaveText(["seed 1", "seed 2", "seed 3", "seed 4"]);
  await expect(page.locator(".strip li")).toHaveCount(1); // they are no pictures of the visit

  await drawn(page, () => page.getByRole("button", { name: "Next channel" }).click());
  await expect(page.getByTestId("standing")).toContainText("The finished picture reaches");
  await expect(page.getByTestId("likeness")).toHaveCount(0);
  await panel(page).getByRole("button", { name: "Compare with your 2 photos" }).click();
  await expect(page.getByTestId("own-photos")).toContainText("any of 2 reaches");

  await panel(page).getByRole("button", { name: "Draw it again" }).click();
  await panel(page).getByRole("button", { name: "Cancel" }).click();
  await expect(panel(page).getByRole("button", { name: "Draw it again" })).toBeVisible();
  await page.locator(".strip li button").nth(1).click();
  await expect(page.getByTestId("likeness")).toBeVisible(); // what was found out is kept with the picture
});

test("a picture file that is none is said by name, and dropped photos are not taken for models", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await expect(page.getByTestId("standing")).toBeVisible();
  const input = page.getByTestId("own-photos-input");
  await input.setInputFiles({ name: "notes.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await expect(panel(page).getByRole("alert")).toContainText("notes.png cannot be read as a picture");

  const { buffer, name } = stripes(12);
  const dropped = await page.evaluateHandle(
    ({ bytes, name }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(bytes)], name, { type: "image/png" }));
      return transfer;
    },
    { bytes: [...buffer], name },
  );
  await panel(page).dispatchEvent("drop", { dataTransfer: dropped });
  await expect(page.getByTestId("own-photos")).toContainText("is what it reaches");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});
