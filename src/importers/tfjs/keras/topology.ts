/**
 * A Keras model's config, in the forms of Keras 2, Keras 3 and TF.js itself, read into one: layers, and which reads which.
 *
 * A Sequential becomes a chain. A layer that is called several times, being shared, has several calls; a layer that is a
 * model itself has one in `model`. Weights are not looked at here.
 */
import { ModelFormatError } from "../../../onnx/graph";
import { isList, isObject, isText, type Json } from "../modelJson";

/** Output `tensor` of call `call` of a layer. */
export interface Ref {
  layer: string;
  call: number;
  tensor: number;
}

export interface KerasLayer {
  className: string;
  name: string;
  config: Json;
  /** What each call reads; an InputLayer has one call that reads nothing. */
  calls: Ref[][];
  model: KerasModel | null;
}

export interface KerasModel {
  name: string;
  layers: KerasLayer[];
  inputs: Ref[];
  outputs: Ref[];
}

/** As Python has it. TF.js reads `batchInputShape` as well, and hand-made files have it. */
const snakeCase = (text: string): string => text.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A config with its keys, and the words among its values, as Python has them. Names stay as they are. */
function pythonic(config: Json): Json {
  const isWord = (key: string, value: unknown): value is string =>
    isText(value) && !/name$/i.test(key) && /^[a-z]\w*$/.test(value);
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [snakeCase(key), isWord(key, value) ? snakeCase(value) : value]),
  );
}

/** Models in models in models: more than this is a mistake or an attack. */
const MAX_DEPTH = 16;

/** Reads a class_name and config; `where` begins messages. Throws ModelFormatError. */
export function readKerasModel(given: Json, where: string, depth = 0): KerasModel {
  const raw = pythonic(given);
  const refuse = (message: string): never => {
    throw new ModelFormatError(`${where}: ${message}`);
  };
  if (depth > MAX_DEPTH) return refuse(`models lie within models more than ${MAX_DEPTH} deep, which is not supported.`);
  const config = isList(raw.config) ? { layers: raw.config } : isObject(raw.config) ? pythonic(raw.config) : {};
  const className = String(raw.class_name);
  const list = config.layers;
  if (!isList(list))
    return refuse(
      `the config of ${className} lists no layers, so it cannot be rebuilt. Save it as a Sequential or functional model.`,
    );
  if (list.length === 0) return refuse(`${className} has no layers. Choose another file.`);
  const layers = list.map((layer, i) => readLayer(layer, i, where, depth));
  const name = isText(config.name) ? config.name : className;
  const names = new Set<string>();
  const twice = layers.find((layer) => names.size === names.add(layer.name).size);
  if (twice) return refuse(`two layers are called "${twice.name}". The file contradicts itself; save it again.`);
  if (className === "Sequential") return chain(name, layers, config);
  const inputs = refsOf(config.input_layers);
  const outputs = refsOf(config.output_layers);
  if (!outputs.length) return refuse(`${className} "${name}" names no output layers. The file is damaged; save it again.`);
  return counted({ name, layers, inputs, outputs });
}

function readLayer(given: unknown, i: number, where: string, depth: number): KerasLayer {
  const raw = isObject(given) ? pythonic(given) : {};
  const config = isObject(raw.config) ? pythonic(raw.config) : undefined;
  if (!isText(raw.class_name) || (!config && !isList(raw.config)))
    throw new ModelFormatError(`${where}: layer ${i} has no "class_name" and "config". The file is damaged; save it again.`);
  const found = raw.name ?? config?.name;
  const name = isText(found) && found ? found : `${raw.class_name.toLowerCase()}_${i}`;
  const isModel = isList(raw.config) || isList(config?.layers);
  const built = isObject(raw.build_config) ? { build_config: raw.build_config } : {};
  return {
    className: raw.class_name,
    name,
    config: { ...built, ...config },
    calls: isList(raw.inbound_nodes) && raw.inbound_nodes.length ? raw.inbound_nodes.map(callOf) : [[]],
    model: isModel ? readKerasModel(raw, `${where}, "${name}"`, depth + 1) : null,
  };
}

/** One call: Keras 3 writes {args, kwargs} with tensors in it, Keras 2 a list of [layer, call, tensor, kwargs], or one such. */
function callOf(call: unknown): Ref[] {
  if (isObject(call)) return [...tensorsIn(call.args, 0), ...tensorsIn(call.kwargs, 0)];
  return refsOf(call);
}

function tensorsIn(x: unknown, depth: number): Ref[] {
  if (depth > 8) return [];
  if (isList(x)) return x.flatMap((item) => tensorsIn(item, depth + 1));
  if (!isObject(x)) return [];
  if ("keras_history" in x) return refsOf(x.keras_history);
  return Object.values(x).flatMap((item) => tensorsIn(item, depth + 1));
}

/** [layer, call, tensor], or a list or an object of such. */
function refsOf(x: unknown): Ref[] {
  if (isList(x) && isText(x[0])) return [{ layer: x[0], call: Number(x[1] ?? 0), tensor: Number(x[2] ?? 0) }];
  const list = isList(x) ? x : isObject(x) ? Object.values(x) : [];
  return list.flatMap((item) => (isList(item) && isText(item[0]) ? refsOf(item) : []));
}

/** A Sequential: every layer reads the one before. Its input is the first layer's, or stands in that layer's config. */
function chain(name: string, layers: KerasLayer[], config: Json): KerasModel {
  const first = layers[0]!;
  const input: KerasLayer =
    first.className === "InputLayer"
      ? first
      : {
          className: "InputLayer",
          name: `${first.name}_input`,
          config: { batch_input_shape: declaredShape(first) ?? config.build_input_shape },
          calls: [[]],
          model: null,
        };
  const all = input === first ? layers : [input, ...layers];
  const ref = (layer: KerasLayer): Ref => ({ layer: layer.name, call: 0, tensor: 0 });
  return {
    name,
    layers: all.map((layer, i) => ({ ...layer, calls: [i ? [ref(all[i - 1]!)] : []] })),
    inputs: [ref(input)],
    outputs: [ref(all.at(-1)!)],
  };
}

/** The input's shape as a layer's own config has it, or that of the model which the layer is. */
export function declaredShape({ config, model }: KerasLayer): unknown {
  const own = config.batch_input_shape ?? config.batch_shape;
  if (own !== undefined && own !== null) return own;
  const ofOne = config.input_shape ?? config.shape;
  if (isList(ofOne)) return [null, ...ofOne];
  if (isObject(config.build_config) && isList(config.build_config.input_shape)) return config.build_config.input_shape;
  const input = model?.layers.find(({ className }) => className === "InputLayer");
  return input ? declaredShape(input) : undefined;
}

/**
 * Calls counted from 0. Keras counts those of a model within a model from 1, its own making being call 0; and where there is
 * one call only, any number means it.
 */
function counted(model: KerasModel): KerasModel {
  const all = [...model.inputs, ...model.outputs, ...model.layers.flatMap(({ calls }) => calls.flat())];
  const fromZero = new Set(all.filter(({ call }) => call === 0).map((ref) => ref.layer));
  const offsets = new Map(
    model.layers.map((layer) => {
      const fromOne = layer.model !== null && !fromZero.has(layer.name);
      return [layer.name, { single: layer.calls.length === 1, by: fromOne ? 1 : 0 }] as const;
    }),
  );
  const fix = (ref: Ref): Ref => {
    const offset = offsets.get(ref.layer);
    return offset ? { ...ref, call: offset.single ? 0 : ref.call - offset.by } : ref;
  };
  return {
    ...model,
    inputs: model.inputs.map(fix),
    outputs: model.outputs.map(fix),
    layers: model.layers.map((layer) => ({ ...layer, calls: layer.calls.map((refs) => refs.map(fix)) })),
  };
}
