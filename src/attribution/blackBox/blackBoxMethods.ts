/** The methods that only look at what the network answers to changed pictures, and XRAI, by name. */
import type { Methods } from "../probe";
import type { BlackBoxMethod } from "../types";
import { kernelShap } from "./kernelShap";
import { lime } from "./lime";
import { occlusion } from "./occlusion";
import { rise } from "./rise";
import { xrai } from "./xrai";

export const blackBoxMethods: Methods<BlackBoxMethod> = { occlusion, rise, lime, kernelShap, xrai };
