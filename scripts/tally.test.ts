import { describe, expect, test } from "vitest";
import { tallyOf } from "./tally";

describe("tallyOf", () => {
  const spec = (title: string, status: "expected" | "unexpected" | "flaky" | "skipped", reason?: string) => ({
    title,
    file: "a.spec.ts",
    tests: [{ status, annotations: reason ? [{ type: "skip", description: reason }] : [] }],
  });

  test("counts nested suites, keeps the reasons of skipped tests, and calls a flaky test failed", () => {
    const report = {
      errors: [],
      suites: [
        {
          specs: [spec("works", "expected"), spec("is skipped", "skipped", "no photos here")],
          suites: [{ specs: [spec("fails", "unexpected"), spec("wavers", "flaky")] }],
        },
      ],
    };
    expect(tallyOf(report)).toEqual({
      passed: 1,
      failed: 2,
      skipped: [{ name: "a.spec.ts > is skipped", reason: "no photos here" }],
    });
  });

  test("an error outside any test is a failure", () => {
    expect(tallyOf({ errors: [{ message: "the server did not start" }], suites: [] }).failed).toBe(1);
  });
});
