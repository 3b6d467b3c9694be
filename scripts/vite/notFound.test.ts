import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the policy of 404.html allows its own script and style, and nothing else", () => {
  const page = readFileSync("public/404.html", "utf8");
  const digest = (tag: string): string => {
    const [, text] = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)!;
    return `'sha256-${createHash("sha256").update(text!).digest("base64")}'`;
  };
  expect(/content="(default-src[^"]*)"/.exec(page)?.[1]).toBe(
    `default-src 'none'; script-src ${digest("script")}; style-src ${digest("style")}; base-uri 'none'; form-action 'none'`,
  );
});
