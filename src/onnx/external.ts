/**
 * Weights that an ONNX file keeps in files beside it ("external data"): which files it names, and the bytes they hold.
 *
 * A location is a path relative to the model's own folder. Only its plain parts count: one that leads out of the folder, to
 * another machine or to a fixed place is refused. Readers give files without folders, so the last part of a path is enough
 * where only one of the given files has it.
 */
import { ModelFormatError } from "./graph";
import { TensorProto_DataLocation, type GraphProto, type ModelProto, type TensorProto } from "./proto/onnx_pb";

/** The files beside a model, by path or by name. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/** Files that the model needs and that were not given. Opening it works once they are there too. */
export class MissingFilesError extends ModelFormatError {
  constructor(
    what: string,
    readonly missing: readonly string[],
  ) {
    super(
      `${what} also needs ${missing.map((name) => `"${name}"`).join(", ")}. Choose ${missing.length > 1 ? "those files" : "that file"} as well.`,
    );
  }
}

const isExternal = (tensor: TensorProto) => tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
const entry = (tensor: TensorProto, key: string) => tensor.externalData.find((e) => e.key === key)?.value;

/** "./data\\w.bin" -> "data/w.bin". Throws ModelFormatError for what is no path inside the model's folder. */
export function safePath(location: string, where: string): string {
  const path = location.replaceAll("\\", "/");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (!parts.length || parts.includes("..") || path.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(path) || path.includes("\0"))
    throw new ModelFormatError(
      `${where} lies at ${JSON.stringify(location)}, which is no file beside the model. The file is damaged, or not to be trusted.`,
    );
  return parts.join("/");
}

/** Branches within branches. */
const DEEPEST = 32;

/** Throws ModelFormatError for a graph that lies in more branches than networks have. */
export function checkDepth(depth: number, what: string): void {
  if (depth > DEEPEST)
    throw new ModelFormatError(`${what}: its branches go deeper than ${DEEPEST} levels. Export the model again.`);
}

/** The paths that the tensors of a graph name, each once, in the file's order; those inside of nodes and of If's branches too. */
export function externalPaths(graph: GraphProto, what: string): string[] {
  const paths = new Set<string>();
  const take = (tensor: TensorProto) => {
    if (isExternal(tensor)) paths.add(safePath(entry(tensor, "location") ?? "", `${what}: weight "${tensor.name}"`));
  };
  const visit = ({ initializer, node }: GraphProto, depth: number) => {
    checkDepth(depth, what);
    initializer.forEach(take);
    for (const { t, g } of node.flatMap(({ attribute }) => attribute)) {
      if (t) take(t);
      if (g) visit(g, depth + 1);
    }
  };
  visit(graph, 0);
  return [...paths];
}

/** The file at `path` among `files`: by the whole path, or by its last part where one file alone has it. */
export function fileAt(files: ExternalFiles, path: string): Uint8Array | undefined {
  const whole = files.get(path);
  if (whole) return whole;
  const last = (p: string) => p.replaceAll("\\", "/").split("/").at(-1)!;
  const alike = [...files].filter(([name]) => last(name) === last(path));
  return alike.length === 1 ? alike[0]![1] : undefined;
}

/** Throws MissingFilesError unless all that `model` names is among `files`. */
export function checkExternal({ graph }: ModelProto, what: string, files: ExternalFiles): void {
  const missing = graph ? externalPaths(graph, what).filter((path) => !fileAt(files, path)) : [];
  if (missing.length) throw new MissingFilesError(what, missing);
}

/**
 * The bytes of a tensor: its own, or its part of the file that it names; `expected` of them where the entry gives no length.
 * Throws MissingFilesError, or ModelFormatError where the part lies outside of the file.
 */
export function bytesOf(tensor: TensorProto, expected: number, what: string, files: ExternalFiles): Uint8Array {
  if (!isExternal(tensor)) return tensor.rawData;
  const where = `${what}: weight "${tensor.name}"`;
  const path = safePath(entry(tensor, "location") ?? "", where);
  const file = fileAt(files, path);
  if (!file) throw new MissingFilesError(what, [path]);
  const count = (key: string, fallback: number) => {
    const given = entry(tensor, key);
    const value = given === undefined || given === "" ? fallback : /^\d+$/.test(given) ? Number(given) : NaN;
    if (Number.isSafeInteger(value)) return value;
    throw new ModelFormatError(
      `${where} has the ${key} ${JSON.stringify(given)} in "${path}". The file is damaged; export it again.`,
    );
  };
  const offset = count("offset", 0);
  const length = count("length", expected);
  if (offset + length > file.length)
    throw new ModelFormatError(
      `${where} takes bytes ${offset} to ${offset + length} of "${path}", which has ${file.length}. That file is cut short, or another model's.`,
    );
  return file.subarray(offset, offset + length);
}
