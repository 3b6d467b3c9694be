/** One method on the picture: waiting, under way, done, failed or stopped by the reader; the map of the time before stays in sight meanwhile. */
import type { Attribution, AttributionMethod } from "../../../api/attribution";
import type { Progress } from "../../../api/engine";
import type { Truth } from "../../../api/truth";
import { flattened, type Flat } from "../../../export/heatmap";
import { cardOf, type MethodCard } from "./methodList";

export class MapRun {
  method = $state.raw<AttributionMethod>() as AttributionMethod;
  status = $state<"waiting" | "running" | "done" | "failed" | "stopped">("waiting");
  progress = $state.raw<Progress | null>(null);
  result = $state.raw<Attribution | null>(null);
  /** Its marks; none once it is made again. */
  truth = $state.raw<Truth | null>(null);
  error = $state<string | null>(null);
  card = $derived<MethodCard>(cardOf(this.method.name));
  flat = $derived<Flat | null>(this.result && flattened(this.result.map));
  /** Which question it answers; null once it has to be asked again. */
  answers: string | null = null;
  #since = 0;

  constructor(
    readonly id: number,
    method: AttributionMethod,
  ) {
    this.method = method;
  }

  begin(): void {
    this.status = "running";
    this.progress = null;
    this.error = null;
    this.truth = null;
    this.#since = performance.now();
  }

  report(progress: Progress): void {
    if (progress.phase === "attribute" && this.progress?.phase !== "attribute") this.#since = performance.now();
    this.progress = progress;
  }

  /** Milliseconds that are still to come, by what the part that is done has taken; null until that can be told. */
  get left(): number | null {
    const { progress } = this;
    if (progress?.phase !== "attribute" || !progress.done) return null;
    return ((performance.now() - this.#since) / progress.done) * (progress.of - progress.done);
  }
}
