/** Finding units by words, and what readers say of them. */
import { readFileSync } from "node:fs";
import { expect, test } from "playwright/test";
import { drawn, opened, QUICK, withModels } from "./app";

test("search leads to units, layers and models by keys alone; a star and a note are kept, found, exported and taken in again", async ({
  page,
}) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await page.keyboard.press("/");
  const search = page.getByRole("dialog", { name: "Search" });
  await search.getByRole("combobox").fill("block 9 unit 12");
  await expect(search.getByRole("option").first()).toHaveText("block 9, unit 12MobileNet v3 CenterNet");
  await drawn(page, () => page.keyboard.press("Enter"));
  await expect(search).toBeHidden();
  await expect(page.getByRole("heading", { level: 2, name: "block 9" })).toContainText("channel 12");

  await page.getByRole("button", { name: "Star", exact: true }).click();
  await page.getByRole("button", { name: "Note", exact: true }).click();
  await page.keyboard.type("Stripes <b>&</b> dots");
  await page.goBack(); // the note is kept without waiting
  await expect(page.getByRole("heading", { level: 2, name: "block 12, expanded" })).toContainText("channel 2");
  await expect(page.getByRole("button", { name: "Star", exact: true })).toHaveAttribute("aria-pressed", "false");

  await page.keyboard.press("Control+k");
  await search.getByRole("combobox").fill("stripes dots");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Your note on block 9 12" })).toHaveValue("Stripes <b>&</b> dots");

  await page.getByRole("link", { name: "Notes" }).click();
  const row = page.getByRole("region", { name: "MobileNet v3 CenterNet" }).getByRole("listitem");
  await expect(row).toContainText("Stripes <b>&</b> dots");
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const file = readFileSync(await (await coming).path(), "utf8");

  await page.evaluate(() => indexedDB.deleteDatabase("micrographia-notes"));
  await page.reload();
  await expect(page.getByText("None yet.")).toBeVisible();
  const take = (text: string) =>
    page.getByLabel("Notes file").setInputFiles({ name: "n.json", mimeType: "application/json", buffer: Buffer.from(text) });
  await take(file.replace('"channel": 12', '"channel": "twelve"'));
  await expect(page.getByRole("alert")).toContainText(/channel.*"twelve".*a whole number from 0.*Nothing was taken in/);
  await take(file);
  await expect(page.getByRole("status").filter({ hasText: "1 note taken in" })).toBeVisible();
  await expect(row.getByRole("button", { name: "Starred: block 9 12" })).toHaveAttribute("aria-pressed", "true");
  await row.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 2, name: "block 9" })).toContainText("channel 12");
});
