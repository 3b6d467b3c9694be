/**
 * A prototxt's text -> NetParameter. protobuf-es reads protobuf's text format by our schema (proto/caffe.proto) and bounds its nesting;
 * this file says where an error is, which protobuf-es does not.
 */
import { clone, createFileRegistry, fromBinary, toBinary, type DescMessage } from "@bufbuild/protobuf";
import { fromText } from "@bufbuild/protobuf/txtpb";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ModelFormatError } from "../../onnx/graph";
import { file_caffe, NetParameterSchema, type NetParameter } from "./proto/caffe_pb";

/** Characters; the largest networks known take some hundred thousand. */
const LONGEST = 2 ** 20;
/** In a longer text the place of an error is not looked for: it would take seconds. */
const LONGEST_SEARCHED = 2 ** 19;
/** Nothing in a network nests as deep. */
const DEEPEST = 16;
/** No text has this character: a reader that meets it has understood all before it. */
const STOP = "\u0001";

/** Parameters of layers that only another Caffe has; more kinds than this are no network. */
const MOST_FOREIGN = 8;

/**
 * Reads a prototxt; `what` names it in messages. Parameters of layers that no schema of ours has (...._param) are skipped: whether
 * their layers are understood is told by their types. Throws ModelFormatError with line and column.
 */
export function readPrototxt(text: string, what: string): NetParameter {
  if (text.length > LONGEST)
    throw new ModelFormatError(
      `${what} has ${text.length} characters, but a network's description takes at most ${LONGEST}. Choose the .prototxt beside the .caffemodel.`,
    );
  const foreign: string[] = [];
  for (;;) {
    const schema = skipping(foreign);
    const message = complaint(schema, text);
    if (message === undefined) return foreign.length ? converted(schema, text) : fromText(NetParameterSchema, text);
    const name = /^unknown field "(\w+_param)" for message caffe\.(V1)?LayerParameter$/.exec(message)?.[1];
    if (name !== undefined && foreign.length < MOST_FOREIGN) foreign.push(name);
    else
      throw new ModelFormatError(
        `${what}, ${placeOf(schema, text)}: ${inOurWords(message)}. It is damaged, or no description of a Caffe network; download it again.`,
      );
  }
}

/** The schema of a network whose layers may have fields called `names`, which are skipped. */
function skipping(names: readonly string[]): DescMessage {
  if (!names.length) return NetParameterSchema;
  const file = clone(FileDescriptorProtoSchema, file_caffe.proto);
  for (const message of file.messageType) if (/^(V1)?LayerParameter$/.test(message.name)) message.reservedName.push(...names);
  return createFileRegistry(file, () => undefined).getMessage(NetParameterSchema.typeName)!;
}

const converted = (schema: DescMessage, text: string): NetParameter =>
  fromBinary(NetParameterSchema, toBinary(schema, fromText(schema, text)));

function complaint(schema: DescMessage, text: string): string | undefined {
  try {
    fromText(schema, text, { recursionLimit: DEEPEST });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const inOurWords = (message: string): string =>
  message.replace(/^cannot decode field \S+ from text format: /, "").replace(/ (for|decoding) message caffe\.(\w+)/, " in $2");

/**
 * Line and column of the first token that the reader refuses. Text that is cut after any token before it, and closed by STOP, is
 * refused for STOP; text cut after it is refused for itself. So the token is found by halving.
 */
function placeOf(schema: DescMessage, text: string): string {
  if (text.length > LONGEST_SEARCHED) return `somewhere in its ${text.length} characters`;
  const tokens = [...text.matchAll(/#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[\w.+-]+|[^\s]/g)];
  const refusedBefore = (count: number): boolean => {
    const last = tokens[count - 1]!;
    const message = complaint(schema, `${text.slice(0, last.index + last[0].length)}\n${STOP}`);
    return message !== undefined && !message.includes("U+0001");
  };
  let low = 0;
  let high = tokens.length + 1; // that many tokens or more are refused for themselves
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (refusedBefore(middle)) high = middle;
    else low = middle;
  }
  const token = tokens[high - 1];
  if (!token) return "at its end";
  const lines = text.slice(0, token.index).split("\n");
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}
