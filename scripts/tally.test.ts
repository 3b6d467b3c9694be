import { describe, expect, test } from "vitest";
import { skippedLines, tallyOf } from "./tally";

describe("tallyOf", () => {
  const spec = (title: string, status: "expected" | "unexpected" | "flaky" | "skipped", reason?: string) => ({
    title,
    file: "a.spec.ts",
    tests: [
      {
        status,
        annotations: reason ? [{ type: "skip", description: reason }] : [],
        results: status === "unexpected" ? [{ error: { message: "\u001b[31mexpected 1,\n  got 2\u001b[39m" } }] : [{}],
      },
    ],
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
      failures: [
        { name: "a.spec.ts > fails", reason: "expected 1, got 2" },
        { name: "a.spec.ts > wavers", reason: "flaky" },
      ],
    });
  });

  test("an error outside any test is a failure", () => {
    const { failed, failures } = tallyOf({ errors: [{ message: "the server did not start" }], suites: [] });
    expect([failed, failures]).toEqual([1, [{ name: "outside any test", reason: "the server did not start" }]]);
  });

  test("skipped tests are told by reason, with their files once each", () => {
    const skipped = [
      { name: "a.test.ts > one", reason: "no photos" },
      { name: "b.test.ts > two", reason: "no kernel" },
      { name: "a.test.ts > three", reason: "no photos" },
    ];
    expect(skippedLines(skipped)).toEqual(["2 × no photos: a.test.ts", "1 × no kernel: b.test.ts"]);
  });
});
