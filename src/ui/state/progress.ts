/** Every phase of a wait, in words. */
import type { Progress } from "../../api/engine";
import { bytes } from "./format";

/** What is going on; never empty, so that no wait is silent. */
export function phaseText(p: Progress | null, size: number): string {
  switch (p?.phase) {
    case undefined:
      return "Waking the engine";
    case "download":
      return p.totalBytes
        ? `Downloading, ${bytes(p.loadedBytes)} of ${bytes(p.totalBytes)}`
        : `Downloading, ${bytes(p.loadedBytes)}`;
    case "verify":
      return "Checking the download";
    case "keep":
      return `Storing, ${bytes(p.doneBytes)} of ${bytes(p.totalBytes)}`;
    case "attribute":
      return `Asking the network, ${p.done} of ${p.of}`;
    case "compare":
      return `Comparing answers, ${p.done} of ${p.of}`;
    case "load":
      return "Loading the network";
    case "compile":
      return `Compiling the network for ${size} × ${size} pixels`;
    case "fit":
      return `Fitting the start to the picture, step ${p.step} of ${p.steps}`;
    case "step":
      return `Step ${p.step} of ${p.steps}`;
  }
}
