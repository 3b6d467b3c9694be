import { expect, test } from "vitest";
import { POLICY, policyText } from "./csp";

test("nothing inline, nothing evaluated but WebAssembly, no script of another origin", () => {
  const text = policyText();
  expect(text).not.toMatch(/'unsafe-|\*|http:/);
  expect(POLICY["script-src"]).toEqual(["'self'", "'wasm-unsafe-eval'"]);
  expect(text).toContain("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';");
  expect(text).toContain("require-trusted-types-for 'script'; trusted-types micrographia svelte-trusted-html");
});
