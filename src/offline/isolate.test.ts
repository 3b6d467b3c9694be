import { expect, test } from "vitest";
import { asPart, isolated, isolatedByHost, isolating } from "./isolate";

const page = (headers: Record<string, string> = {}) =>
  new Response("<p>", { headers: { "Content-Type": "text/html", ...headers } });

test("a document gets the headers that isolate, and keeps its own", async () => {
  const document = isolated(page());
  expect(document.headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
  expect(document.headers.get("Cross-Origin-Embedder-Policy")).toBe("require-corp");
  expect(document.headers.get("Content-Type")).toBe("text/html");
  expect(document.headers.has("Content-Security-Policy")).toBe(false); // the page has its own
  expect(await document.text()).toBe("<p>");
});

test("a part carries what an isolated page's workers need, and a policy for them", () => {
  const part = asPart(page());
  expect(part.headers.get("Cross-Origin-Embedder-Policy")).toBe("require-corp");
  expect(part.headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
  expect(part.headers.get("Content-Security-Policy")).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  expect(asPart(page({ "Content-Security-Policy": "default-src 'self'" })).headers.get("Content-Security-Policy")).toBe(
    "default-src 'self'",
  );
});

test("a host's own headers stand, and errors pass as they are", () => {
  const host = page({ "Cross-Origin-Embedder-Policy": "credentialless", "Cross-Origin-Opener-Policy": "same-origin" });
  expect(isolatedByHost(host)).toBe(true);
  expect(isolated(host)).toBe(host);
  expect(asPart(host).headers.get("Cross-Origin-Embedder-Policy")).toBe("credentialless");
  expect(isolatedByHost(page())).toBe(false);
  const missing = new Response(null, { status: 404 });
  expect(isolated(missing)).toBe(missing);
  expect(asPart(missing)).toBe(missing);
});

test.each([
  [true, "navigate", true],
  [false, "navigate", false],
  [false, "no-cors", true],
])("switched on: %s, asked for by %s, isolates: %s", async (on, mode, isolates) => {
  const request = { mode } as Request;
  const params = { request, response: page() } as unknown as Parameters<
    NonNullable<ReturnType<typeof isolating>["handlerWillRespond"]>
  >[0];
  const answer = await isolating(() => Promise.resolve(on)).handlerWillRespond!(params);
  expect(answer.headers.has("Cross-Origin-Embedder-Policy")).toBe(isolates);
});
