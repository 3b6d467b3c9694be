/** Whether a map is true, across the worker boundary: what is asked of the engine, and what comes back. Types only. */
import type { Curve } from "../attribution/truth/curves";
import type { Infidelity } from "../attribution/truth/infidelity";
import type { Road } from "../attribution/truth/road";
import type { AttributionMap, AttributionRequest } from "./attribution";
import type { DeviceInfo } from "./engine";

export interface TruthRequest extends AttributionRequest {
  /** The method's map; or one that knows nothing of the network, to compare with: then the method only names the question. */
  map: AttributionMap | "random" | "edges";
  /** Points of the insertion and deletion curves, less one (16). */
  steps?: number;
  /** Changed pictures on which the method is run again for max-sensitivity; none where left out, or where the map is no method's. */
  sensitivity?: number;
}

/** The measures of src/attribution/truth, each as its paper has it. */
export interface Truth {
  insertion: Curve;
  deletion: Curve;
  infidelity: Infidelity;
  road: Road;
  /** Null where it was not asked for. */
  sensitivity: number | null;
  ms: number;
  device: DeviceInfo;
}

export interface RandomisedRequest extends AttributionRequest {
  /** The map with the weights as they are: what the other is compared with. */
  map: AttributionMap;
  /** How many of the topmost layers with weights are drawn anew; at most all of them. */
  layers: number;
  /** Of the weights (1). */
  seed?: number;
}

/** The map of a network whose topmost layers know nothing (Adebayo et al. 2018). */
export interface Randomised {
  map: AttributionMap;
  /** Structural similarity to the map with the weights as they are, without signs. */
  ssim: number;
  /** Spearman's, without signs. */
  rankCorrelation: number;
  /** Of the layers with weights, the topmost first: outputs in the graph's names. */
  names: string[];
  device: DeviceInfo;
}
