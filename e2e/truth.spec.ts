/** Is a map true? Its marks beside edges and chance, the curves, and what becomes of it when the weights are random. */
import { expect, test } from "playwright/test";
import { LAYER, tinyCard, tinyModel } from "../test/tinyModel";
import { cardOf, ELSEWHERE, fileOf, withModels } from "./app";

test("maps are judged beside edges and chance, sorted by any measure, and tried with random weights", async ({ page }) => {
  const bytes = Buffer.from(tinyModel());
  const asked = {
    picture: "drawn:1",
    target: { kind: "unit", layer: LAYER, channel: 3, x: 4, y: 4 },
    methods: [{ name: "saliency" }, { name: "occlusion", patch: 4, stride: 2 }],
  };
  const { preprocessing, layers } = tinyCard;
  const card = cardOf("tiny", "Tiny", fileOf(bytes, "tiny.onnx"), { preprocessing, layers, labels: null });
  delete card.start;
  await withModels(page, [card]);
  await page.route(`${ELSEWHERE}**`, (route) => route.fulfill({ body: bytes, headers: { "access-control-allow-origin": "*" } }));
  await page.goto(`/#model=tiny&view=attribution&with=${encodeURIComponent(JSON.stringify(asked))}`);
  const truth = page.getByRole("region", { name: "Is it true?" });
  await expect(page.locator("figure dl")).toHaveCount(2, { timeout: 60_000 });

  await truth.getByRole("button", { name: "Judge the maps" }).click();
  const rows = truth.getByRole("row");
  await expect(rows).toHaveCount(5, { timeout: 60_000 });
  await expect(truth.getByRole("button", { name: "Stop", exact: true })).toBeHidden();
  /** The numbers of the column that the table is sorted by. */
  const column = async (): Promise<number[]> =>
    (await truth.locator("td.by").allInnerTexts()).map((t) => Number(t.replace("−", "-")));
  await truth.getByRole("button", { name: /^Infidelity/ }).click();
  await expect(truth.getByRole("columnheader", { name: /^Infidelity/ })).toHaveAttribute("aria-sort", "ascending");
  const infidelity = await column();
  expect(infidelity).toHaveLength(4);
  expect(infidelity).toEqual(infidelity.toSorted((a, b) => a - b));
  await truth.getByRole("button", { name: /^ROAD/ }).click();
  const road = await column();
  expect(road).toEqual(road.toSorted((a, b) => b - a));
  expect(road).not.toEqual(infidelity);
  await expect(truth.getByRole("img", { name: /Insertion curve of Saliency/ })).toBeVisible();

  await page.getByRole("combobox", { name: "Order" }).selectOption("best insertion first");
  const beside = (await page.locator("figure dl").allInnerTexts()).map((text) =>
    Number(/Insertion\s*(\S+)/.exec(text)?.[1]?.replace("−", "-")),
  );
  expect(beside).toHaveLength(2);
  expect(beside).toEqual(beside.toSorted((a, b) => b - a));

  await truth.getByRole("button", { name: "Try it" }).click();
  const slider = truth.getByRole("slider", { name: "Saliency with random weights" });
  await slider.press("End");
  await expect(truth.getByText("2 of 2 layers random")).toBeVisible();
  await expect(truth.getByTestId("ssim")).toHaveText(/^-?0\.\d\d$/);
  expect(Number(await truth.getByTestId("ssim").innerText())).toBeLessThan(1); // most of this unit's map is outside its field, and stays empty
});
