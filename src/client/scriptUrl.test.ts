import { expect, test } from "vitest";
import { scriptUrl } from "./scriptUrl";

test("scripts of another origin are refused, by name", () => {
  const home = "https://host.test/app/sw.js";
  expect(() => scriptUrl("//elsewhere.test/sw.js", home)).toThrow(/from https:\/\/elsewhere\.test\/sw\.js, but/);
  expect(() => scriptUrl("data:text/javascript,1")).toThrow(TypeError);
});

test("scripts beside this one pass, as whole addresses", () => {
  expect(scriptUrl("./worker.js")).toBe(new URL("./worker.js", new URL("./scriptUrl.ts", import.meta.url)).href);
});
