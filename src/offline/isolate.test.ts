import { expect, test } from "vitest";
import { isolated, isolatedByHost, isolating } from "./isolate";

const page = (headers: Record<string, string> = {}) =>
  new Response("<p>", { headers: { "Content-Type": "text/html", ...headers } });
const names = (response: Response) => [...response.headers.keys()].sort();

test("a document gets both headers, a script the one that an isolated page's workers must carry", async () => {
  const document = isolated(page(), true);
  expect(document.headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
  expect(document.headers.get("Cross-Origin-Embedder-Policy")).toBe("require-corp");
  expect(document.headers.get("Content-Type")).toBe("text/html");
  expect(await document.text()).toBe("<p>");
  expect(names(isolated(page(), false))).toEqual([
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-resource-policy",
  ]);
});

test("a host's own headers stand, and errors pass as they are", () => {
  const host = page({ "Cross-Origin-Embedder-Policy": "credentialless", "Cross-Origin-Opener-Policy": "same-origin" });
  expect(isolatedByHost(host)).toBe(true);
  expect(isolated(host, true)).toBe(host);
  expect(isolatedByHost(page())).toBe(false);
  const missing = new Response(null, { status: 404 });
  expect(isolated(missing, true)).toBe(missing);
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
