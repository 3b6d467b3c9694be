/** What a test run came to, and how Playwright's JSON report reads as one. */

export interface Tally {
  passed: number;
  failed: number;
  skipped: { name: string; reason: string }[];
}

/** The part of Playwright's JSON report that is counted. */
export interface BrowserReport {
  suites: BrowserSuite[];
  /** Errors outside any test: a file that does not compile, a server that does not start. */
  errors: unknown[];
}

interface BrowserSuite {
  suites?: BrowserSuite[];
  specs: {
    title: string;
    file: string;
    tests: { status: "expected" | "unexpected" | "flaky" | "skipped"; annotations: { type: string; description?: string }[] }[];
  }[];
}

/** Counts every test once; one that passed only when tried again counts as failed. */
export function tallyOf(report: BrowserReport): Tally {
  const tally: Tally = { passed: 0, failed: report.errors.length, skipped: [] };
  const walk = (suite: BrowserSuite): void => {
    for (const { title, file, tests } of suite.specs)
      for (const { status, annotations } of tests) {
        if (status === "expected") tally.passed += 1;
        else if (status === "skipped")
          tally.skipped.push({
            name: `${file} > ${title}`,
            reason: annotations.find(({ type }) => type === "skip")?.description ?? "marked as skipped",
          });
        else tally.failed += 1;
      }
    suite.suites?.forEach(walk);
  };
  report.suites.forEach(walk);
  return tally;
}
