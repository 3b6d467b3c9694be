/**
 * Functions that a file defines itself (ModelProto.functions, as PyTorch's newer exporter writes them): each call is replaced by the
 * function's nodes, so that nothing after the reader knows of them.
 */
import { create } from "@bufbuild/protobuf";
import { ModelFormatError } from "./graph";
import { NodeProtoSchema, type AttributeProto, type FunctionProto, type GraphProto, type NodeProto } from "./proto/onnx_pb";

/** More nodes than this come of functions that call each other over and over, not of a network. */
const MAX_NODES = 50_000;
const MAX_DEPTH = 64;

const keyOf = (domain: string, name: string, overload: string) =>
  JSON.stringify([domain === "ai.onnx" ? "" : domain, name, overload]);

/** A copy with some fields changed. Fields that a file left out have their defaults in the prototype, which must come along. */
const changed = <T extends object>(message: T, fields: Partial<T>): T =>
  Object.assign(Object.create(Object.getPrototypeOf(message) as object) as T, message, fields);

/** The graph without calls of `functions`. Throws ModelFormatError when they call themselves. */
export function inlined(graph: GraphProto, functions: readonly FunctionProto[], what: string): GraphProto {
  if (!functions.length) return graph;
  const byKey = new Map(functions.map((f) => [keyOf(f.domain, f.name, f.overload), f]));
  const bases = new Set<string>();
  let made = 0;

  const expand = (nodes: readonly NodeProto[], depth: number): NodeProto[] =>
    nodes.flatMap((node) => {
      if (++made > MAX_NODES)
        throw new ModelFormatError(`${what}: its functions unfold to more than ${MAX_NODES} nodes. Export the model again.`);
      const body = byKey.get(keyOf(node.domain, node.opType, node.overload));
      if (!body) return [withGraphs(node, (g) => changed(g, { node: expand(g.node, depth) }))];
      if (depth > MAX_DEPTH)
        throw new ModelFormatError(
          `${what}: its function "${body.name}" calls itself, or functions within functions go deeper than ${MAX_DEPTH}. Export the model again.`,
        );
      return expand(unfolded(node, body, free(node.name || node.output.find(Boolean) || body.name)), depth + 1);
    });

  const free = (wanted: string): string => {
    let name = wanted;
    for (let i = 1; bases.has(name); i++) name = `${wanted}_${i}`;
    bases.add(name);
    return name;
  };

  return changed(graph, { node: expand(graph.node, 0) });
}

const withGraphs = (node: NodeProto, change: (graph: GraphProto) => GraphProto): NodeProto =>
  node.attribute.some(({ g }) => g)
    ? changed(node, { attribute: node.attribute.map((a) => (a.g ? changed(a, { g: change(a.g) }) : a)) })
    : node;

/** The nodes of a function as one call of it means them; names that only the function knows begin with `base`. */
function unfolded(call: NodeProto, body: FunctionProto, base: string): NodeProto[] {
  const names = new Map<string, string>();
  body.input.forEach((name, i) => names.set(name, call.input[i] ?? ""));
  const passed = body.output.map((name, i) => [i, name] as const).filter(([, name]) => names.has(name));
  body.output.forEach((name, i) => !names.has(name) && call.output[i] && names.set(name, call.output[i]));
  const given = new Map([...body.attributeProto, ...call.attribute].map((a) => [a.name, a]));

  const renamed = (name: string): string => {
    if (name === "") return "";
    const known = names.get(name);
    if (known !== undefined) return known;
    const own = `${base}/${name}`;
    names.set(name, own);
    return own;
  };
  const attribute = (a: AttributeProto): AttributeProto[] => {
    if (!a.refAttrName) return [a.g ? changed(a, { g: inner(a.g) }) : a];
    const value = given.get(a.refAttrName);
    return value ? [changed(value, { name: a.name })] : [];
  };
  const inner = (g: GraphProto): GraphProto =>
    changed(g, {
      node: g.node.map(own),
      initializer: g.initializer.map((t) => changed(t, { name: renamed(t.name) })),
      input: g.input.map((v) => changed(v, { name: renamed(v.name) })),
      output: g.output.map((v) => changed(v, { name: renamed(v.name) })),
    });
  const own = (node: NodeProto): NodeProto =>
    changed(node, {
      name: node.name && `${base}/${node.name}`,
      input: node.input.map(renamed),
      output: node.output.map(renamed),
      attribute: node.attribute.flatMap(attribute),
    });
  const copies = passed.flatMap(([i, name]) =>
    call.output[i] ? [create(NodeProtoSchema, { opType: "Identity", input: [renamed(name)], output: [call.output[i]] })] : [],
  );
  return [...body.node.map(own), ...copies];
}
