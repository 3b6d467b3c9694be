/** Inside the network: a photo in a layer, cell by cell, group by group, unit by unit, and back from a cell to what led to it. */
import { expect, test, type Page } from "playwright/test";
import { withModels } from "./app";

const numberIn = (text: string): number => Number(text.replace("−", "-").replaceAll(",", ""));
/** What each row of bars says. */
const rows = (page: Page): Promise<{ title: string; value: number }[]> =>
  page
    .locator(".body li")
    .evaluateAll((items) =>
      items.map((item) => ({
        title: item.querySelector(".name")?.textContent?.trim() ?? "",
        value: item.querySelector(".number")?.textContent ?? "",
      })),
    )
    .then((found) => found.map(({ title, value }) => ({ title, value: numberIn(value) })));

test("a photo in a layer: cells drawn and walked, what is seen there, groups, a sum that comes to the score, the way back", async ({
  page,
}) => {
  await withModels(page);
  await page.goto(`/#channel=2&view=inside&with=${encodeURIComponent('{"cells":4}')}`);
  const grid = page.getByRole("group", { name: "Activation grid, 4 rows of 4" });
  await expect(grid.getByRole("button")).toHaveCount(16, { timeout: 60_000 });
  await expect(grid.locator("canvas")).toHaveCount(16, { timeout: 60_000 });
  const different = () =>
    grid.locator("canvas").evaluateAll((all) => new Set(all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL())).size);
  await expect.poll(different, { timeout: 60_000 }).toBe(16);

  const dictionary = page.getByRole("region", { name: "What is seen here" });
  await grid.getByRole("button", { name: /^Row 2, column 2:/ }).click();
  await expect(dictionary).toContainText("Row 2, column 2 of 4 × 4");
  const units = await dictionary.getByRole("link").allInnerTexts();
  expect(units).toHaveLength(6);
  await page.keyboard.press("ArrowDown");
  await expect(grid.getByRole("button", { name: /^Row 3, column 2:/ })).toBeFocused();
  await expect(dictionary).toContainText("Row 3, column 2 of 4 × 4");
  expect(await dictionary.getByRole("link").allInnerTexts()).not.toEqual(units);

  await page.getByRole("group", { name: "Cells a side" }).getByText("14").click();
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText(/of \d+ pictures$/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Draw on" })).toBeVisible();

  await page.getByText("Decomposition").click();
  await expect(page).toHaveURL(/with=.*sum/);
  await expect(page.locator(".body li").last()).toContainText("the score");
  const sum = await rows(page);
  expect(sum[0]!.title).toBe("layer silent");
  const total = sum.slice(0, -1).reduce((all, { value }) => all + value, 0);
  expect(Math.abs(total - sum.at(-1)!.value)).toBeLessThan(0.15); // each of them is told with three digits
  await expect(page.locator(".body li").nth(1).getByRole("link")).toHaveAttribute("href", /channel=\d+/);

  await page.getByText("Neuron groups").click();
  await expect(page.locator(".body li")).toHaveCount(6, { timeout: 60_000 });

  const layer = await page.getByRole("heading", { name: /^Inside / }).innerText();
  await page.getByText("Activation grid").click();
  await dictionary.getByRole("button", { name: /^What led to it, in/ }).click();
  await expect(page.getByRole("heading", { name: /^Inside / })).not.toHaveText(layer);
  await expect(page.locator("header [role=status]").last()).toContainText(`${layer.replace("Inside ", "")}, direction`, {
    timeout: 60_000,
  });
  await expect(page).toHaveURL(/with=.*direction/);

  await page.goto(`/#view=inside&with=${encodeURIComponent('{"tab":"magic"}')}`);
  await expect(page.getByRole("alert")).toContainText(/"magic".*groups/);
});
