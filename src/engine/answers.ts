/** What a network answers to pictures, forward only: for comparing one storage of its weights with another. */
import { beforeSoftmax } from "../models/naming";
import { canonicalise } from "../onnx/canonicalise";
import type { Graph, Tensor } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import type { Runtime } from "./runtime";

export interface AnswerOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** The value that is the answer; default: `logitsOf` the graph. */
  output?: string;
  /** [1, 3, H, W] each, RGB in 0..1, of the network's own size. */
  pictures: readonly Tensor[];
  signal?: AbortSignal;
  onPicture?: (done: number) => void;
}

/** The graph's first output, or what its Softmax is taken of. Throws Error where there is none. */
export function logitsOf(graph: Graph): string {
  const [output] = graph.outputs;
  if (output === undefined) throw new Error(`Model "${graph.name}" has no output to compare.`);
  return beforeSoftmax(graph, output);
}

/** The answer to each picture, in order. Throws what canonicalise throws, or the signal's reason. */
export async function answersOf(runtime: Runtime, options: AnswerOptions): Promise<Tensor[]> {
  const { graph, preprocessing, pictures, signal, onPicture } = options;
  const output = options.output ?? logitsOf(graph);
  const model = canonicalise(graph, { preprocessing, size: sidesOf(preprocessing), batch: 1, until: [output] });
  const program = await runtime.compile(model, { resident: [] });
  try {
    const answers: Tensor[] = [];
    for (const image of pictures) {
      signal?.throwIfAborted();
      const out = await program.run({ [model.inputs[0]!.name]: image }, model.outputs);
      answers.push(out[model.outputs[0]!] as Tensor);
      onPicture?.(answers.length);
    }
    return answers;
  } finally {
    await program.dispose();
  }
}
