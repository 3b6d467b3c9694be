/** Downloading in Node, against a server of our own. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { download } from "./download";

const file = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
let server: Server;
let base = "";

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url !== "/file") return void response.writeHead(404).end();
    response.writeHead(200);
    response.write(file.subarray(0, 100_000));
    setTimeout(() => response.end(file.subarray(100_000)), 20);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test("gives the bytes; progress never falls and ends at the whole", async () => {
  const seen: number[] = [];
  const bytes = await download(`${base}/file`, file.length, (loaded) => seen.push(loaded));
  expect(bytes).toEqual(file);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBe(file.length);
});

test("stops a server that sends too much", async () => {
  await expect(download(`${base}/file`, 1000, () => {})).rejects.toThrow(
    "sends more than the 1000 bytes that the catalogue says",
  );
});

test("names the address and the answer", async () => {
  await expect(download(`${base}/gone`, 1000, () => {})).rejects.toThrow(`${base}/gone answered 404 Not Found.`);
  await expect(download("http://127.0.0.1:1/x", 1, () => {})).rejects.toThrow("http://127.0.0.1:1/x cannot be reached");
});
