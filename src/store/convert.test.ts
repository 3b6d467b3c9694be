/** Float32 files that are kept smaller: converted while they arrive, resumed, checked before anything is listed. */
import { expect, test } from "vitest";
import { serve } from "../../test/faultServer";
import { card, failure, hashOf, run, server, tab, useServer } from "../../test/storeKit";
import { randomTensor, smallGraph } from "../../test/smallGraph";
import { readModel } from "../onnx/read";
import { writeModel } from "../onnx/write";
import { quantize } from "../quantize/quantize";
import { readModelBytes } from "./models";
import { indexedDbVault, PART_BYTES } from "./vault";

useServer();

/** Some three megabytes of weights in two layers. */
const graph = smallGraph({
  inputs: { x: [1, 64, 8, 8] },
  constants: { a: randomTensor([512, 64, 3, 3], 1), b: randomTensor([1024, 512, 1, 1], 2) },
  nodes: [
    { op: "Conv", inputs: ["x", "a"], outputs: ["h"] },
    { op: "Conv", inputs: ["h", "b"], outputs: ["y"] },
  ],
  outputs: ["y"],
});
const FLOAT = writeModel(graph);
const float = card(FLOAT, { weights: "float32" });

test.each(["int8", "float16"] as const)(
  "arrives as float32, stays as %s, and is neither fetched nor made again",
  async (keep) => {
    server.behave((q, r) => serve(q, r, FLOAT));
    const { model, events } = await run(tab(), float, "job", keep);
    const expected = writeModel(quantize(readModel(FLOAT, "net"), keep).graph);
    expect(model).toMatchObject({
      sha256: hashOf(expected),
      from: hashOf(FLOAT),
      id: "net",
      bytes: expected.length,
      weights: keep,
    });
    expect(model.report).toMatchObject({
      bytesBefore: FLOAT.length,
      bytesAfter: expected.length,
      weights: [{ name: "a" }, { name: "b" }],
    });
    expect(Buffer.from(await readModelBytes(model.sha256)).equals(expected)).toBe(true);
    expect(events.at(-1)).toEqual({ phase: "keep", doneBytes: expected.length, totalBytes: expected.length });

    const vault = indexedDbVault();
    expect(await vault.parts(hashOf(FLOAT))).toEqual([]);
    expect(await vault.allUnfinished()).toEqual([]);
    expect(await tab().list()).toEqual([model]);
    expect((await run(tab(), float, "again", keep)).model).toEqual(model);
    expect(server.ranges).toEqual([null]);
  },
);

test("cut on the way and resumed in another visit: the parts that were kept are converted too", async () => {
  server.behave((q, r, n) => (n === 0 ? serve(q, r, FLOAT, { cutAfter: 2 * PART_BYTES + 9, linger: 200 }) : r.destroy()));
  expect((await failure(run(tab(), float, "job", "int8"))).name).toBe("DownloadError");
  server.behave((q, r) => serve(q, r, FLOAT));
  const { model } = await run(tab(), float, "job", "int8");
  expect(server.ranges).toEqual([`bytes=${2 * PART_BYTES}-`]);
  expect(model.sha256).toBe(hashOf(writeModel(quantize(readModel(FLOAT, "net")).graph)));
});

test("other bytes than promised: nothing is listed, nothing is left, and the message is about the digest", async () => {
  const damaged = FLOAT.slice();
  damaged[5] = 0xff; // no ONNX any more either
  server.behave((q, r) => serve(q, r, damaged));
  const error = await failure(run(tab(), float, "job", "int8"));
  expect(error.message).toContain(`but the catalogue says ${float.sha256}`);
  expect(await tab().list()).toEqual([]);
  expect(await indexedDbVault().allUnfinished()).toEqual([]);
});

test("the promised bytes that are no ONNX: said so, nothing is listed", async () => {
  const text = Buffer.from("the promised bytes, which are only a text\n".repeat(50));
  server.behave((q, r) => serve(q, r, text));
  const error = await failure(run(tab(), card(text, { weights: "float32" }), "job", "int8"));
  expect(error.message).toContain("net is not an ONNX model: it is plain text");
  expect(await tab().list()).toEqual([]);
});

test("cancelled while the smaller file is written: nothing is listed, and the next try needs no download", async () => {
  server.behave((q, r) => serve(q, r, FLOAT));
  const store = tab();
  const work = store.fetch("job", "net", float, (p) => p.phase === "keep" && store.cancel("job"), "int8");
  expect((await failure(work)).name).toBe("AbortError");
  expect(await tab().list()).toEqual([]);
  const { model } = await run(tab(), float, "job", "int8");
  expect(model.weights).toBe("int8");
  expect(server.ranges).toEqual([null]);
});

test("kept as it came where nobody asks for less; a file that is small already is not touched", async () => {
  server.behave((q, r) => serve(q, r, FLOAT));
  expect((await run(tab(), float)).model).toMatchObject({ sha256: hashOf(FLOAT), weights: "float32" });
  const small = writeModel(quantize(graph).graph);
  server.behave((q, r) => serve(q, r, small));
  expect((await run(tab(), card(small), "job", "float16")).model).toMatchObject({ sha256: hashOf(small), weights: "int8" });
});
