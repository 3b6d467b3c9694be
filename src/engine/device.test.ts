import { describe, expect, test } from "vitest";
import { chooseDevice, type DeviceSources } from "./device";

const info = (over: Partial<GPUAdapterInfo>): GPUAdapterInfo =>
  ({
    vendor: "apple",
    architecture: "metal-3",
    device: "",
    description: "",
    isFallbackAdapter: false,
    ...over,
  }) as GPUAdapterInfo;

const browser = (
  adapter: Partial<GPUAdapterInfo> | null | Error | undefined,
  over: Partial<DeviceSources> = {},
): DeviceSources => ({
  gpu:
    adapter === undefined
      ? undefined
      : {
          requestAdapter: () =>
            adapter instanceof Error
              ? Promise.reject(adapter)
              : Promise.resolve(adapter && ({ info: info(adapter) } as GPUAdapter)),
        },
  crossOriginIsolated: true,
  hardwareConcurrency: 8,
  ...over,
});

describe("auto", () => {
  test("a real GPU is taken, and there is nothing to say about it", async () => {
    const { info, adapter } = await chooseDevice("auto", browser({ description: "Apple M2" }));
    expect(info).toEqual({ backend: "webgpu", label: "Apple M2 (WebGPU)", reason: null });
    expect(adapter).not.toBeNull();
  });

  test("an adapter without a description goes by vendor and architecture", async () => {
    expect((await chooseDevice("auto", browser({}))).info.label).toBe("apple metal-3 (WebGPU)");
  });

  test.each([
    ["isFallbackAdapter", { isFallbackAdapter: true }],
    ["SwiftShader by architecture", { vendor: "google", architecture: "swiftshader" }],
    ["SwiftShader by description", { description: "SwiftShader Device (LLVM 16)" }],
    ["llvmpipe", { description: "llvmpipe (LLVM 15.0.7, 256 bits)" }],
    ["Microsoft's", { description: "Microsoft Basic Render Driver" }],
  ])("a software adapter counts as none: %s", async (_, adapter) => {
    const { info } = await chooseDevice("auto", browser(adapter));
    expect(info.backend).toBe("wasm");
    expect(info.reason).toMatch(/^The only graphics adapter \(.+\) is software, which is slower than WASM\.$/);
  });

  test.each([
    ["no WebGPU", undefined, "This browser has no WebGPU."],
    ["no adapter", null, "WebGPU found no graphics adapter."],
    ["a failing driver", new Error("driver gone"), "WebGPU could not be started (driver gone)."],
  ])("%s leads to WASM with the reason", async (_, adapter, reason) => {
    expect((await chooseDevice("auto", browser(adapter))).info).toEqual({ backend: "wasm", label: "WASM, 4 threads", reason });
  });
});

describe("the reader's wish", () => {
  test("webgpu takes even a software adapter, and says what that means", async () => {
    const { info } = await chooseDevice("webgpu", browser({ architecture: "swiftshader", vendor: "google" }));
    expect(info).toEqual({
      backend: "webgpu",
      label: "google swiftshader (WebGPU)",
      reason: "A software adapter, as you asked: slower than WASM.",
    });
  });

  test("webgpu that cannot be had becomes WASM with the reason", async () => {
    const { info } = await chooseDevice("webgpu", browser(null));
    expect(info).toMatchObject({ backend: "wasm", reason: "WebGPU found no graphics adapter." });
  });

  test("wasm asks for no adapter", async () => {
    const sources = browser(new Error("must not be asked"));
    expect((await chooseDevice("wasm", sources)).info).toEqual({ backend: "wasm", label: "WASM, 4 threads", reason: null });
  });
});

test.each([
  [true, 1, 1, "WASM, 1 thread"],
  [true, 2, 2, "WASM, 2 threads"],
  [true, 64, 4, "WASM, 4 threads"],
  [false, 8, 1, "WASM, 1 thread"],
])("threads: isolated %s, %i cores -> %i", async (crossOriginIsolated, hardwareConcurrency, threads, label) => {
  const chosen = await chooseDevice("wasm", browser(undefined, { crossOriginIsolated, hardwareConcurrency }));
  expect([chosen.threads, chosen.info.label]).toEqual([threads, label]);
});
