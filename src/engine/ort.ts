/**
 * onnxruntime-web behind the Runtime interface: what its WebGPU and WASM builds have in common, in a browser and in Node.
 * The build itself is handed in, so that a page on WASM never loads the WebGPU one.
 */
import type * as Ort from "onnxruntime-web";
import type { DeviceInfo } from "../api/engine";
import { lower } from "../autodiff/lower";
import { sizeOf, type DType, type StaticGraph, type Tensor } from "../onnx/graph";
import { writeModel } from "../onnx/write";
import { stepLowerings } from "../vis/stepGraph";
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
  /** The GPU device that ORT computes on now; ORT makes it with its first session. */
  device?: () => GPUDevice | undefined;
  /** Further session options, for tests that look at how nodes were placed. */
  session?: Ort.InferenceSession.SessionOptions;
}

/** The GPU went away: a driver reset, a sleeping laptop, or too much memory asked for. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}

/** How long after a failed run its cause may arrive: a lost device fails what runs on it first, and says so afterwards. */
const CAUSE_MS = 250;

/**
 * A Runtime over one build of onnxruntime-web. Calls are made one at a time, in order: ORT's WebGPU builds suspend inside a call
 * while they wait for the GPU, and cannot be entered again meanwhile.
 *
 * A lost device leaves a call suspended in ORT for ever, and what is done next to the same instance corrupts its memory (seen in 1.30:
 * "__next_prime overflow" after a release). So a lost runtime does nothing more, and a fresh one needs a fresh worker.
 */
export function ortRuntime(ort: OrtBuild, { info, device = () => undefined, session = {} }: OrtRuntimeOptions): Runtime {
  const programs = new Set<Program>();
  const watched = new WeakSet<GPUDevice>();
  let loss: DeviceLostError | null = null;
  let lose!: (reason: DeviceLostError) => void;
  const lost = new Promise<never>((_, reject) => (lose = reject));
  lost.catch(() => {}); // a loss is reported to whoever races with it, and is no unhandled rejection when nobody does

  const watch = async (): Promise<void> => {
    const current = device();
    if (!current || watched.has(current)) return;
    watched.add(current);
    const { message, reason } = await current.lost;
    if (programs.size === 0) return; // ORT itself gives its device up with its last session
    loss = new DeviceLostError(`the graphics device was lost (${message || reason}). The model is kept; start again.`);
    lose(loss);
  };

  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async <T>(call: () => Promise<T>): Promise<T> => {
    const mine = last.then(() => {
      if (loss) throw loss;
      return call();
    });
    last = mine.catch(() => {});
    try {
      return await Promise.race([mine, lost]);
    } catch (error) {
      if (device()) await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, CAUSE_MS))]);
      throw error;
    }
  };

  return {
    info,
    lost,
    async compile(graph, { resident }) {
      const program = await inTurn(() => compileProgram(ort, graph, info, new Set(resident), session));
      programs.add(program);
      void watch();
      return {
        run: (feeds, fetch) => inTurn(() => program.run(feeds, fetch)),
        dispose: async () => {
          if (programs.delete(program) && !loss) await inTurn(() => program.dispose());
        },
      };
    },
    async dispose() {
      const all = [...programs];
      programs.clear();
      if (!loss) await Promise.allSettled(all.map((program) => inTurn(() => program.dispose())));
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
  const plain = lower(graph, info.backend, stepLowerings);
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
