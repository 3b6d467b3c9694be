import { expect, test } from "vitest";
import { ORDERS, orderOf, type Ranked } from "./order";

const map = (ms: number | null, completenessGap: number | null = null, insertion: number | null = null): Ranked =>
  ({
    result: ms === null ? null : { ms, completenessGap },
    truth: insertion === null ? null : { insertion: { normalised: insertion } },
  }) as Ranked;

test("maps stand by their number, and those without one last, as they were added", () => {
  const [slow, waiting, quick, still] = [map(900, 0.01, 0.3), map(null), map(20, null, 0.9), map(300, 0.2)];
  const maps = [waiting, slow, quick, still];
  expect(orderOf("added").sort(maps)).toEqual(maps);
  expect(orderOf("time").sort(maps)).toEqual([quick, still, slow, waiting]);
  expect(orderOf("gap").sort(maps)).toEqual([slow, still, waiting, quick]);
  expect(orderOf("insertion").sort(maps)).toEqual([quick, slow, waiting, still]);
  expect(maps[0]).toBe(waiting);
});

test("an order that is not known is none", () => {
  expect(orderOf("mood")).toBe(ORDERS[0]);
});
