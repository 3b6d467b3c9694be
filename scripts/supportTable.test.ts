import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { README, supportTable, withSupportTable } from "./supportTable";

test("README.md has the operators of today (npx tsx scripts/supportTable.ts --write)", () => {
  const readme = readFileSync(README, "utf8");
  expect(squeezed(readme)).toBe(squeezed(withSupportTable(readme)));
});

test("the table knows a rule, a rewriting and an end", () => {
  const [, , own, rewritten, ends] = supportTable().split("\n");
  expect(own).toContain("`Conv`");
  expect(rewritten).toContain("`LRN` (");
  expect(rewritten).toContain("`QuantizeLinear` (Clip");
  expect(ends).toContain("`Round`");
});

/** Without the padding that the formatter gives to tables. */
const squeezed = (markdown: string) => markdown.replace(/ +/g, " ").replace(/-{3,}/g, "---");
