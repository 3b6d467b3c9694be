/** The engine in the page and across a border of messages, over WASM, with a tiny network. */
import * as Comlink from "comlink";
import { afterAll, describe, expect, test } from "vitest";
import type { CompareRequest, Progress, RenderRequest } from "../api/engine";
import { lucid } from "../vis/recipes";
import { LAYER, tinyCard, tinyModel } from "../../test/tinyModel";
import { Engine, type EngineSources } from "./engine";
import { nodeRuntime } from "./ortNode";
import type { Runtime } from "./runtime";

const SHA = "tiny";
const request = (over: Partial<RenderRequest> = {}, recipe: Partial<RenderRequest["recipe"]> = {}): RenderRequest => ({
  weights: SHA,
  card: tinyCard,
  objective: { kind: "channel", layer: LAYER, channel: 3 },
  recipe: { ...lucid, size: 32, steps: 3, redirectSteps: 1, ...recipe },
  device: "auto",
  ...over,
});

/** An engine that counts what it loads and compiles. */
function engine(over: Partial<EngineSources> = {}, around: (runtime: Runtime) => Runtime = (r) => r) {
  const count = { reads: 0, runtimes: 0, compiled: 0, disposed: 0 };
  const made = new Engine({
    readWeights: async (sha) => {
      count.reads++;
      if (sha !== SHA) throw new Error(`no file ${sha} is stored`);
      return tinyModel();
    },
    readLabels: async () => "cat\ndog\n",
    device: async () => ({ backend: "wasm", label: "WASM", reason: null }),
    makeRuntime: async () => {
      count.runtimes++;
      const runtime = around(nodeRuntime(1));
      return {
        ...runtime,
        compile: async (...args) => {
          count.compiled++;
          const program = await runtime.compile(...args);
          return { ...program, dispose: async () => (count.disposed++, program.dispose()) };
        },
      };
    },
    ...over,
  });
  return { engine: made, count };
}

const quiet = () => {};

describe("measure", () => {
  test("pictures at the network's size, or at their own", async () => {
    const { engine: made } = engine();
    const picture = { width: 24, height: 24, rgba: Uint8ClampedArray.from({ length: 4 * 24 * 24 }, (_, i) => (i * 7919) % 256) };
    const ask = (scale: "network" | "own") =>
      made.measure(
        scale,
        { weights: SHA, card: tinyCard, objective: request().objective, pictures: [picture], scale, device: "auto" },
        quiet,
      );
    const [zoomed, own] = [await ask("network"), await ask("own")];
    expect(own.means).toHaveLength(zoomed.means.length);
    expect(own.scores[0]).toBeCloseTo(own.means[3]!, 5);
    expect(Math.abs(own.scores[0]! - zoomed.scores[0]!)).toBeGreaterThan(1e-3);
  });
});

describe("compare", () => {
  const compared = (pictures: CompareRequest["pictures"] = []) => {
    const phases: string[] = [];
    const request = { a: SHA, b: "other", card: tinyCard, pictures, device: "auto" as const };
    const { engine: made, count } = engine({ readWeights: async (sha) => tinyModel(sha === SHA ? 1 : 1.01) });
    return made.compare("1", request, (p) => phases.push(p.phase)).then((change) => ({ change, count, phases }));
  };

  test("over pictures drawn by rule, or over the reader's", async () => {
    const { change, count, phases } = await compared();
    expect(change).toMatchObject({ pictures: 8, top1Agreement: expect.any(Number) });
    expect(change.largest).toBeGreaterThan(1e-4);
    expect(change.largest).toBeLessThan(0.2);
    expect(phases.at(0)).toBe("load");
    expect(phases.at(-1)).toBe("compare");
    expect(count).toMatchObject({ compiled: 2, disposed: 2 });
    const rgba = Uint8ClampedArray.from({ length: 4 * 50 * 40 }, (_, i) => (i * 37) % 256);
    expect((await compared([{ width: 50, height: 40, rgba }])).change.pictures).toBe(1);
  });
});

describe("open", () => {
  test("lists the card's layers with channels and grid at the network's own size, and the labels", async () => {
    const summary = await engine().engine.open("1", SHA, { ...tinyCard, labels: "labels/x.txt" });
    expect(summary.labels).toEqual(["cat", "dog"]);
    expect(summary.layers[0]).toEqual({
      name: LAYER,
      title: "out",
      channels: 16,
      grid: [16, 16],
      significant: true,
      aliases: [LAYER],
      unsupported: null,
    });
    expect(summary.missing).toEqual([]);
  });

  test("a layer that is not there is left out and named", async () => {
    const card = { ...tinyCard, layers: [{ name: "mixed9z", title: "9z", significant: true }, ...tinyCard.layers] };
    const { layers, missing } = await engine().engine.open("1", SHA, card);
    expect(missing).toEqual(["9z"]);
    expect(layers.map(({ title }) => title)).toEqual(["out", "relu1", "lrn", "conv2", "pool"]);
  });

  test("a file that is no ONNX says so, and a second try reads it again", async () => {
    let bytes = new TextEncoder().encode("<!doctype html><p>not found") as Uint8Array<ArrayBuffer>;
    const { engine: e } = engine({ readWeights: async () => bytes });
    await expect(e.open("1", SHA, tinyCard)).rejects.toThrow(/the model "Tiny"/);
    bytes = tinyModel();
    expect((await e.open("2", SHA, tinyCard)).layers).not.toHaveLength(0);
  });
});

describe("render", () => {
  test("another channel, seed or number of steps compiles nothing; another layer or size does", async () => {
    const { engine: e, count } = engine();
    await e.render("1", request(), quiet);
    expect(count).toEqual({ reads: 1, runtimes: 1, compiled: 2, disposed: 0 });
    await e.render("2", request({ objective: { kind: "channel", layer: LAYER, channel: 9 } }), quiet);
    await e.render("3", request({}, { seed: 5, steps: 2, name: "mine" }), quiet);
    expect(count).toMatchObject({ reads: 1, runtimes: 1, compiled: 2 });
    await e.render("4", request({ objective: { kind: "channel", layer: "conv2", channel: 0 } }), quiet);
    await e.render("5", request({}, { size: 24 }), quiet);
    expect(count).toMatchObject({ compiled: 6, disposed: 0 });
    await e.render("6", request({}, { size: 28 }), quiet);
    await expect.poll(() => count.disposed).toBe(2); // the least recently used layer is let go
  });

  test("the same request gives the same picture; progress ends with the last step", async () => {
    const { engine: e } = engine();
    const events: Progress[] = [];
    const first = await e.render("1", request(), (p) => events.push(p));
    const second = await e.render("2", request(), quiet);
    expect(second.pictures).toEqual(first.pictures);
    expect(first.pictures).toMatchObject([{ width: 32, height: 32 }]);
    expect(first.scores).toHaveLength(3);
    expect(events.map((p) => p.phase).slice(0, 3)).toEqual(["load", "compile", "step"]);
    expect(events.at(-1)).toMatchObject({ phase: "step", step: 3, steps: 3 });
  });

  test("a cancel is heard between steps, and the next picture is made", async () => {
    const { engine: e, count } = engine();
    let steps = 0;
    const job = e.render("1", request({}, { steps: 1000 }), (p) => {
      if (p.phase === "step") steps = p.step;
      if (steps >= 2) e.cancel("1");
    });
    await expect(job).rejects.toMatchObject({ name: "AbortError" });
    expect(steps).toBeLessThan(100);
    await e.render("2", request(), quiet);
    expect(count.compiled).toBe(2);
  });

  test("pictures are made one at a time; a job cancelled in the queue leaves it at once; a failure holds nobody up", async () => {
    const { engine: e } = engine();
    const order: string[] = [];
    const first = e.render("1", request({ weights: "missing" }), quiet).catch(() => order.push("failed"));
    const second = e.render("2", request({}, { steps: 20 }), quiet).then(() => order.push("2"));
    const third = e.render("3", request(), quiet).catch((error: Error) => order.push(error.name));
    const fourth = e.render("4", request(), quiet).then(() => order.push("4"));
    e.cancel("3");
    e.cancel("nobody");
    await Promise.all([first, second, third, fourth]);
    expect(order).toEqual(["AbortError", "failed", "2", "4"]);
  });
});

describe("errors, as people read them", () => {
  const failing = (error: unknown) =>
    engine({}, (runtime) => ({ ...runtime, compile: () => Promise.reject(error as Error) })).engine.render("1", request(), quiet);

  test("the runtime's refusal names the size, the device and what to try", async () => {
    await expect(failing(new Error("Kernel not found: Foo"))).rejects.toMatchObject({
      name: "RuntimeRefusedError",
      message:
        "a picture of 32 pixels cannot be made on WASM in Node, 1 thread: Kernel not found: Foo. Try the other device, another size or another layer.",
    });
  });

  test.each([
    ["C++", new Error("std::bad_alloc")],
    ["a bare number", 5_243_880],
    ["a trap", new WebAssembly.RuntimeError("unreachable")],
    ["the browser", new RangeError("Array buffer allocation failed")],
  ])("out of memory by %s: a fresh start and a smaller size", async (_, error) => {
    await expect(failing(error)).rejects.toMatchObject({ name: "EngineBrokenError", message: /ran out of memory.*smaller size/ });
  });

  test("our own errors pass as they are", async () => {
    const objective = { kind: "channel", layer: LAYER, channel: 99 } as const;
    await expect(engine().engine.render("1", request({ objective }), quiet)).rejects.toMatchObject({
      name: "ObjectiveError",
      message: `layer "out" has 16 channels, numbered 0 to 15; 99 is not one of them.`,
    });
  });
});

describe("across a border of messages", () => {
  const { port1, port2 } = new MessageChannel();
  const released: unknown[] = [];
  const { engine: inside } = engine({
    transfer: (value, buffers) => Comlink.transfer(value, buffers),
    release: (callback) => {
      released.push(callback);
      (callback as Comlink.ProxyMethods)[Comlink.releaseProxy]();
    },
  });
  Comlink.expose(inside, port1);
  const outside = Comlink.wrap<Engine>(port2);
  afterAll(() => (port1.close(), port2.close()));

  test("a picture, its frames and its scores arrive; the callback is let go", async () => {
    const events: Progress[] = [];
    const result = await outside.render(
      "1",
      request(),
      Comlink.proxy((p: Progress) => void events.push(p)),
    );
    expect(result.pictures.map(({ rgba }) => rgba.length)).toEqual([4 * 32 * 32]);
    expect(result.scores).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({ step: 3 });
    const frames = events.flatMap((p) => (p.phase === "step" && p.frames ? p.frames : []));
    expect(frames[0]!.rgba).toHaveLength(4 * 32 * 32);
    expect(released).toHaveLength(1);
  });

  test("a cancel gets through between steps, and an error keeps its name and message", async () => {
    const job = outside.render("2", request({}, { steps: 10_000 }), Comlink.proxy(quiet));
    setTimeout(() => void outside.cancel("2"), 300);
    await expect(job).rejects.toMatchObject({ name: "AbortError", message: "The picture was stopped." });
  });
});
