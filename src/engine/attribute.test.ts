/** Attribution through the engine: targets, progress, cancelling, what is compiled, layers; and real networks where they are at hand. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { PREPROCESSING } from "../../bench/googlenet";
import { hasSharedData, photo } from "../../test/photos";
import { readGooglenet } from "../../test/googlenet";
import { LAYER, tinyCard, tinyModel } from "../../test/tinyModel";
import type { AttributionRequest } from "../api/attribution";
import type { Picture, Progress } from "../api/engine";
import { namingOf } from "../models/naming";
import { readModel } from "../onnx/read";
import type { Preprocessing } from "../onnx/preprocessing";
import { testPicture } from "../vis/testPictures";
import { attribute, type AttributeOptions } from "./attribute";
import { Engine } from "./engine";
import { nodeRuntime } from "./ortNode";
import type { Compiled } from "./probe";

const picture: Picture = {
  width: 40,
  height: 32,
  rgba: Uint8ClampedArray.from({ length: 4 * 40 * 32 }, (_, i) => (i * 7919) % 256),
};
const unit = { kind: "unit", layer: LAYER, channel: 3 } as const;
const request = (over: Partial<AttributionRequest> = {}): AttributionRequest => ({
  weights: "tiny",
  card: tinyCard,
  picture,
  target: unit,
  method: { name: "saliency" },
  device: "auto",
  ...over,
});

function engine() {
  const count = { compiled: 0, disposed: 0 };
  const made = new Engine({
    readWeights: async () => tinyModel(),
    readLabels: async () => "",
    device: async () => ({ backend: "wasm", label: "WASM", reason: null }),
    makeRuntime: async () => {
      const runtime = nodeRuntime(1);
      return {
        ...runtime,
        compile: async (...args) => {
          count.compiled++;
          const program = await runtime.compile(...args);
          return { ...program, dispose: async () => (count.disposed++, program.dispose()) };
        },
      };
    },
  });
  return { made, count };
}
const quiet = () => {};

describe("attribute", () => {
  test("a map of the network's size, the target in the graph's names, the score that measuring gives", async () => {
    const { made } = engine();
    const { map, target, score, completenessGap, device } = await made.attribute("1", request(), quiet);
    expect(map.shape).toEqual([3, 32, 32]);
    expect(map.data.some((v) => v > 0)).toBe(true);
    expect(target).toEqual(unit);
    expect(completenessGap).toBeNull();
    expect(device.backend).toBe("wasm");
    const objective = { kind: "channel", layer: LAYER, channel: 3 } as const;
    const measured = await made.measure(
      "2",
      { weights: "tiny", card: tinyCard, objective, pictures: [picture], device: "auto" },
      quiet,
    );
    expect(score).toBeCloseTo(measured.scores[0]!, 5);
  });

  test("another channel, a direction or another picture compiles nothing; another method only what it needs", async () => {
    const { made, count } = engine();
    await made.attribute("1", request(), quiet);
    expect(count.compiled).toBe(1);
    await made.attribute("2", request({ target: { ...unit, channel: 9 } }), quiet);
    await made.attribute("3", request({ picture: { ...picture, rgba: picture.rgba.slice().reverse() } }), quiet);
    expect(count.compiled).toBe(1);
    await made.attribute("4", request({ method: { name: "guidedBackprop" } }), quiet);
    expect(count.compiled).toBe(2);
  });

  test("a difference of targets is the difference of their maps", async () => {
    const { made } = engine();
    const of = (target: AttributionRequest["target"]) =>
      made.attribute("1", request({ target, method: { name: "saliency", signed: true } }), quiet);
    const other = { ...unit, channel: 12, x: 3, y: 5 };
    const [a, b, both] = [await of(unit), await of(other), await of({ kind: "difference", of: unit, minus: other })];
    expect(both.score).toBeCloseTo(a.score - b.score, 5);
    both.map.data.forEach((v, i) => expect(v).toBeCloseTo(a.map.data[i]! - b.map.data[i]!, 5));
  });

  test("progress rises to its end; a gap says how complete the map is", async () => {
    const { made } = engine();
    const events: Progress[] = [];
    const method = { name: "integratedGradients", points: 21 } as const;
    const { completenessGap } = await made.attribute("1", request({ method }), (p) => events.push(p));
    const done = events.flatMap((p) => (p.phase === "attribute" ? [p.done] : []));
    expect(events.slice(0, 2).map(({ phase }) => phase)).toEqual(["load", "compile"]);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(events.at(-1)).toEqual({ phase: "attribute", done: 21, of: 21 });
    expect(completenessGap).toBeLessThan(0.1);
  });

  test("a cancel is heard between runs, and the next one is answered", async () => {
    const { made } = engine();
    const method = { name: "guidedIg", steps: 2000 } as const;
    const long = made.attribute("1", request({ method }), (p) => p.phase === "attribute" && made.cancel("1"));
    await expect(long).rejects.toMatchObject({ name: "AbortError" });
    await expect(made.attribute("2", request(), quiet)).resolves.toMatchObject({ target: unit });
  });

  test.each([
    [{ target: { kind: "class", class: "zebra" } }, 'class "zebra" cannot be looked up'],
    [{ target: { ...unit, layer: "nowhere" } }, 'no value "nowhere"'],
    [{ target: { ...unit, channel: 99 } }, "99"],
    [{ method: { name: "magic" } as never }, 'method "magic" is not known; use saliency,'],
  ] as [Partial<AttributionRequest>, string][])("what is not there is said: %j", async (over, message) => {
    await expect(engine().made.attribute("1", request(over), quiet)).rejects.toThrow(message);
  });
});

describe("predict and attributeLayer", () => {
  test("a map's strongest channels, and where they are highest; attribution takes the first when none is named", async () => {
    const { made } = engine();
    const answers = await made.predict("1", { ...request(), count: 3 }, quiet);
    expect(answers).toHaveLength(3);
    expect(answers[0]!.score).toBeGreaterThanOrEqual(answers[1]!.score);
    expect(answers[0]).toMatchObject({ share: null, at: { x: expect.any(Number), y: expect.any(Number) } });
    const { target, score } = await made.attribute("2", request({ target: undefined }), quiet);
    expect(target).toEqual({ kind: "class", class: answers[0]!.class, ...answers[0]!.at });
    expect(score).toBeCloseTo(answers[0]!.score, 4);
  });

  test("units of a hidden layer add up to what the layer does, when integrated from its silence", async () => {
    const { made } = engine();
    const ask = (points: number) =>
      made.attributeLayer(
        "1",
        { weights: "tiny", card: tinyCard, picture, target: unit, layer: "relu1", points, device: "auto" },
        quiet,
      );
    const rough = await ask(1);
    const { channels, positions, values, grid, activations, completenessGap } = await ask(32);
    expect([channels.length, positions.length, values.length, grid]).toEqual([8, 256, 8 * 256, [16, 16]]);
    const sum = (list: Float32Array) => list.reduce((a, b) => a + b, 0);
    expect(sum(channels)).toBeCloseTo(sum(values), 3);
    expect(sum(positions)).toBeCloseTo(sum(values), 3);
    expect(completenessGap).toBeLessThan(0.01);
    expect(rough.completenessGap).toBeGreaterThan(completenessGap);
    expect(activations.every((v) => v >= 0)).toBe(true);
  });

  test("a layer that nobody names; its groups and what they leave over add up to what its units do", async () => {
    const { made } = engine();
    const events: Progress[] = [];
    const asked = { weights: "tiny", card: tinyCard, picture, target: unit, device: "auto" } as const;
    const whole = await made.attributeLayer("1", asked, quiet);
    const { groups, rest, error, grid, layer, silent } = await made.neuronGroups("2", { ...asked, count: 4 }, (p) =>
      events.push(p),
    );
    expect([layer, grid, silent]).toEqual([whole.layer, whole.grid, whole.silent]);
    expect(groups).toHaveLength(4);
    expect(groups[0]!.channels).toHaveLength(whole.channels.length);
    expect(groups[0]!.positions).toHaveLength(whole.positions.length);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(1);
    const sum = whole.channels.reduce((a, b) => a + b, 0);
    expect(groups.reduce((total, { adds }) => total + adds, rest)).toBeCloseTo(sum, 4);
    expect(events.some(({ phase }) => phase === "attribute")).toBe(true);
    const stopped = made.neuronGroups("3", { ...asked, count: 8, seed: 2 }, (p) => p.phase === "attribute" && made.cancel("3"));
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  });
});

const EMBEDDED = resolve(import.meta.dirname, "../../public/models/mobilenetv3-centernet.onnx");
const embedded: Preprocessing = {
  input: "tower_0/images",
  layout: "NCHW",
  channels: "RGB",
  range: 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  size: 128,
};

describe("real networks", () => {
  const asked = (graph: AttributeOptions["graph"], preprocessing: Preprocessing) => {
    const runtime = nodeRuntime(2);
    const programs = new Map<string, Promise<Compiled>>();
    const naming = namingOf({ graph, preprocessing, card: null, labels: [] });
    const cache: AttributeOptions["cache"] = (key, make) => programs.get(key) ?? programs.set(key, make()).get(key)!;
    return (over: Pick<AttributeOptions, "picture" | "method"> & Partial<AttributeOptions>) =>
      attribute(runtime, { graph, preprocessing, naming, cache, ...over });
  };

  test.skipIf(!existsSync(EMBEDDED))(
    "the embedded network, 64 points: complete to 1 % (needs npm run models)",
    async () => {
      const ask = asked(readModel(new Uint8Array(readFileSync(EMBEDDED))), embedded);
      const shown = testPicture([128, 128], 0);
      const complete = await ask({ picture: shown, method: { name: "integratedGradients", points: 64 } });
      expect(complete.completenessGap).toBeLessThan(0.01);
      const deepLift = await ask({ picture: shown, method: { name: "deepLift" } });
      expect(deepLift.completenessGap).toBeLessThan(1e-3);
      expect(deepLift.score).toBeCloseTo(complete.score, 3);
    },
    240_000,
  );

  test.skipIf(!hasSharedData)(
    "GoogLeNet on a zebra, 64 points: complete to 1 % (needs ../shared/data)",
    async () => {
      const ask = asked(readGooglenet(), PREPROCESSING);
      const zebra = photo("n02391049_zebra.JPEG", 224);
      const complete = await ask({ picture: zebra, method: { name: "integratedGradients", points: 64 } });
      expect(complete.target).toEqual({ kind: "class", class: 340 });
      expect(complete.completenessGap).toBeLessThan(0.01);
      expect((await ask({ picture: zebra, method: { name: "deepLift" } })).completenessGap).toBeLessThan(1e-3);
      const shares = await ask({ picture: zebra, method: { name: "lrp" } });
      expect(shares.completenessGap).toBeLessThan(0.15); // biases take the rest
      expect(shares.map.data.every((v) => v >= 0)).toBe(true); // nothing speaks against it under z+
    },
    240_000,
  );
});
