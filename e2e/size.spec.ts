/** What the build weighs: no browser, but the build that the other journeys run. */
import { readFileSync } from "node:fs";
import { expect, test } from "playwright/test";
import { complaints, measure, type SizeReport } from "../scripts/sizes";

test("the app shell is light, and not much heavier than it was", () => {
  const before = JSON.parse(readFileSync("bench/size.json", "utf8")) as SizeReport;
  expect(complaints(measure("dist"), before)).toEqual([]);
});
