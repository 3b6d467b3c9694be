/**
 * onnxruntime-web behind the Runtime interface: what its WebGPU and WASM builds have in common, in a browser and in Node.
 * The build itself is handed in, so that a page on WASM never loads the WebGPU one.
 */
import type * as Ort from "onnxruntime-web";
import type { DeviceInfo } from "../api/engine";
import { lower } from "../autodiff/lower";
import { sizeOf, type DType, type StaticGraph, type Tensor } from "../onnx/graph";
import { writeModel } from "../onnx/write";
import { warpLowerings } from "../vis/warp";
import type { Program, Resident, Runtime } from "./runtime";

/** The part of onnxruntime-web that is used. */
export type OrtBuild = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env">;

/** A tensor of ORT's that stays where it was computed. */
class OrtResident implements Resident {
  constructor(readonly tensor: Ort.Tensor) {}
  get shape() {
    return this.tensor.dims;
  }
  dispose() {
    this.tensor.dispose();
  }
}

export interface OrtRuntimeOptions {
  info: DeviceInfo;
  /** Rejects when the GPU is lost. */
  lost?: Promise<never>;
  /** Further session options, for tests that look at how nodes were placed. */
  session?: Ort.InferenceSession.SessionOptions;
}

/** A Runtime over one build of onnxruntime-web. */
export function ortRuntime(
  ort: OrtBuild,
  { info, lost = new Promise<never>(() => {}), session = {} }: OrtRuntimeOptions,
): Runtime {
  lost.catch(() => {}); // a loss is reported to whoever races with it, and is no unhandled rejection when nobody does
  const programs = new Set<Program>();
  return {
    info,
    lost,
    async compile(graph, { resident }) {
      const program = await compileProgram(ort, graph, info, new Set(resident), session);
      programs.add(program);
      return {
        run: (feeds, fetch) => Promise.race([program.run(feeds, fetch), lost]),
        dispose: async () => {
          if (programs.delete(program)) await program.dispose();
        },
      };
    },
    async dispose() {
      await Promise.allSettled([...programs].map((program) => program.dispose()));
      programs.clear();
    },
  };
}

async function compileProgram(
  ort: OrtBuild,
  graph: StaticGraph,
  info: DeviceInfo,
  resident: ReadonlySet<string>,
  extra: Ort.InferenceSession.SessionOptions,
): Promise<Program> {
  const onGpu = info.backend === "webgpu";
  const plain = lower(graph, info.backend, warpLowerings);
  const session = await ort.InferenceSession.create(writeModel(plain), {
    executionProviders: [info.backend],
    preferredOutputLocation: onGpu
      ? Object.fromEntries(plain.outputs.map((name) => [name, resident.has(name) ? "gpu-buffer" : "cpu"]))
      : undefined,
    ...extra,
  });
  return {
    async run(feeds, fetch) {
      const uploaded: Ort.Tensor[] = [];
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([name, value]) => {
          if (value instanceof OrtResident) return [name, value.tensor];
          const tensor = toOrt(ort, value as Tensor);
          uploaded.push(tensor);
          return [name, tensor];
        }),
      );
      try {
        const results = await session.run(inputs, [...fetch]);
        return Object.fromEntries(
          Object.entries(results).map(([name, tensor]) => [name, resident.has(name) ? new OrtResident(tensor) : fromOrt(tensor)]),
        );
      } finally {
        for (const tensor of uploaded) tensor.dispose();
      }
    },
    dispose: () => session.release(),
  };
}

function toOrt(ort: OrtBuild, { dtype, data, shape }: Tensor): Ort.Tensor {
  if (data.length !== sizeOf(shape))
    throw new Error(`a tensor of shape [${shape}] needs ${sizeOf(shape)} elements, but has ${data.length}`);
  return new ort.Tensor(dtype as "float32", data as Float32Array, shape);
}

const fromOrt = (tensor: Ort.Tensor): Tensor => ({
  dtype: tensor.type as DType,
  shape: tensor.dims,
  data: tensor.data as Float32Array,
});
