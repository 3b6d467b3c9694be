/** From a target as people name it to an objective in the graph's own names. */
import type { Objective } from "../vis/objective/types";
import type { Naming } from "../vis/objective/resolve";
import type { AttributionTarget } from "./types";

export interface ResolvedTarget {
  /** With the graph's names, the class's number, and the position where one was looked up. */
  target: AttributionTarget;
  objective: Objective;
}

/** Where a channel of a layer is highest on the picture; null where the layer has one position only. */
export type Peak = (layer: string, channel: number) => Promise<{ x: number; y: number } | null>;

/** Looks names, classes and positions up. Throws what `naming` throws. */
export async function resolveTarget(target: AttributionTarget, naming: Naming, peak: Peak): Promise<ResolvedTarget> {
  switch (target.kind) {
    case "class": {
      const { layer, channel } = naming.classAt(target.class);
      const at = placeOf(target) ?? (await peak(layer, channel));
      return { target: { kind: "class", class: channel, ...at }, objective: unitObjective(layer, channel, at) };
    }
    case "unit": {
      const resolved = { ...target, layer: naming.layer(target.layer) };
      return { target: resolved, objective: unitObjective(resolved.layer, target.channel, placeOf(target)) };
    }
    case "direction": {
      const resolved = { ...target, layer: naming.layer(target.layer) };
      return { target: resolved, objective: resolved };
    }
    case "difference": {
      const [of, minus] = [await resolveTarget(target.of, naming, peak), await resolveTarget(target.minus, naming, peak)];
      return {
        target: { kind: "difference", of: of.target, minus: minus.target },
        objective: { kind: "sum", of: [of.objective, { kind: "scale", by: -1, of: minus.objective }] },
      };
    }
  }
}

const placeOf = ({ x, y }: { x?: number; y?: number }): { x?: number; y?: number } | null =>
  x === undefined && y === undefined ? null : { ...(x === undefined ? {} : { x }), ...(y === undefined ? {} : { y }) };

const unitObjective = (layer: string, channel: number, at: { x?: number; y?: number } | null): Objective =>
  at ? { kind: "neuron", layer, channel, ...at } : { kind: "channel", layer, channel };
