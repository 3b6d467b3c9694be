/** A picture is saved, dropped on the page another time, and made again: the same one, bit for bit. */
import { readFileSync } from "node:fs";
import { decode } from "fast-png";
import { expect, test, type Page } from "playwright/test";
import { recordIn } from "../src/provenance/record";
import { withText } from "../src/provenance/pngText";
import { drop, drawn, embedded, opened, QUICK, withModels } from "./app";

async function saved(page: Page): Promise<Buffer> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "PNG" }).click();
  return readFileSync(await (await coming).path());
}
const LINK = `/${QUICK}&kind=neuron&x=1&recipe={"name":"lucid","parametrization":{"kind":"pixel","sd":0.02}}`;
const channelOf = async (page: Page): Promise<string> => page.getByTestId("channel").inputValue();

test("save, drop, the same picture; again, the same bytes", async ({ page }) => {
  await withModels(page);
  await opened(page, LINK);
  const first = await saved(page);
  expect(recordIn(first)).toMatchObject({
    model: { id: embedded().card.id, weights: embedded().card.files[0]!.sha256 },
    objective: { kind: "neuron", channel: 2, x: 1 },
    recipe: { name: "lucid", size: 64, steps: 24, seed: 1, parametrization: { kind: "pixel", sd: 0.02 } },
    backend: "wasm",
    made: { steps: 24, turns: 0 },
  });

  await page.goto("about:blank");
  await opened(page, `/${QUICK.replace("channel=2", "channel=3")}`);
  expect(await channelOf(page)).toBe("3");
  await drawn(page, () => drop(page, [{ name: "saved.png", bytes: first }]));
  expect(await channelOf(page)).toBe("2");
  await expect(page).toHaveURL(/kind=neuron&channel=2&x=1&recipe=.*&size=64&steps=24&seed=1$/);
  await expect(page.getByRole("alert")).toHaveCount(0);
  const second = await saved(page);
  expect(Buffer.from(decode(second).data).equals(Buffer.from(decode(first).data))).toBe(true);
  expect(recordIn(second)).toEqual(recordIn(first));
});

test("what a picture says that cannot be followed, and a broken link, are told in words", async ({ page }) => {
  await withModels(page);
  await opened(page, `/${QUICK}&recipe={"batch":99}`);
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("The link could not be followed in full");
  await expect(alert).toContainText('recipe field "batch" is 99; it must be a whole number from 1 to 64.');
  const png = await saved(page);
  const changed = (change: (record: Record<string, unknown>) => object): Uint8Array =>
    withText(png, "micrographia", JSON.stringify(change({ ...recordIn(png) })));

  await drop(page, [{ name: "bare.png", bytes: withText(png, "micrographia", "{") }]);
  await expect(alert).toContainText("bare.png cannot be made again");
  const elsewhere = changed((record) => ({
    ...record,
    model: { ...(record.model as object), id: "own-123", title: "Their net" },
  }));
  await drop(page, [{ name: "theirs.png", bytes: elsewhere }]);
  await expect(alert).toContainText("The model of theirs.png is not here");
  await expect(alert).toContainText("It was made with Their net, a model that somebody brought from their own files.");
  const others = changed((record) => ({ ...record, model: { ...(record.model as object), weights: "0".repeat(64) } }));
  await drop(page, [{ name: "other.png", bytes: others }]);
  await expect(alert).toContainText("other.png may come out differently");
  await expect(alert).toContainText("It was made with other weights of MobileNet v3 CenterNet (SHA-256 00000000…, here");
});
