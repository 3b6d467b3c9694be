/** What a layer makes of a photo: its answer, the cell that is looked at, its groups. One question after the other, the newest wish first. */
import type { AttributionTarget, LayerAttribution, NeuronGroups } from "../../../api/attribution";
import type { Progress } from "../../../api/engine";
import type { LayerInfo } from "../../../api/model";
import { strongest } from "../../../attribution/inside/positions";
import { cellsOf, sumsOf } from "../../../attribution/inside/cells";
import { messageOf, type Machine } from "../../state/machine";
import type { Studio } from "../../state/studio.svelte";
import { BEGINNING as NO_MAPS } from "../attribution/link";
import { Explaining } from "../attribution/explaining.svelte";
import { BEGINNING, type Asked } from "./link";
import { Tiles } from "./tiles.svelte";

/** Of a cell that is a target: what is weaker would only make the link long. */
const BACK_UNITS = 24;

export class Inside {
  asked = $state.raw<Asked>(BEGINNING);
  found = $state.raw<LayerAttribution | null>(null);
  groups = $state.raw<NeuronGroups | null>(null);
  trouble = $state<string | null>(null);
  /** What is being asked; null when nothing is. */
  asking = $state<"layer" | "groups" | null>(null);
  progress = $state.raw<Progress | null>(null);
  /** The cell under the cursor, and the one that was chosen. */
  over = $state<number | null>(null);
  kept = $state<number | null>(null);
  /** Values by position that the photo shows in place of the whole layer's. */
  shown = $state.raw<Float32Array | null>(null);

  readonly explaining: Explaining;
  readonly tiles: Tiles;

  cells = $derived(this.found && cellsOf(this.found.activations, this.found.grid, this.asked.cells));
  adds = $derived(this.found && this.cells && sumsOf(this.found.positions, this.cells));
  /** The cell that is looked at: the strongest where none was chosen. */
  at = $derived.by<number | null>(() => {
    const { cells } = this;
    if (!cells) return null;
    const wanted = this.over ?? this.kept;
    return wanted !== null && wanted < cells.vectors.length ? wanted : cells.sizes.indexOf(1);
  });
  /** The significant layer before this one. */
  before = $derived.by<LayerInfo | null>(() => {
    const layers = this.studio.model?.summary.layers ?? [];
    const here = layers.findIndex(({ name }) => name === this.found?.layer);
    return layers.slice(0, Math.max(0, here)).findLast(({ significant, grid: [h, w] }) => significant && h * w > 1) ?? null;
  });
  /** Names this answer's activations, for pictures of its cells and groups. */
  stamp = $state(0);

  #answered: Record<"layer" | "groups", string | null> = { layer: null, groups: null };
  #pictured: unknown = null;
  #pictures = 0;
  #now: AbortController | null = null;
  #working = false;
  #ended = false;

  constructor(
    readonly studio: Studio,
    readonly machine: Machine,
  ) {
    this.explaining = new Explaining(studio, machine);
    this.tiles = new Tiles(machine);
  }

  /** Takes over what a link asks for. */
  follow(asked: Asked): void {
    this.asked = asked;
    this.explaining.follow({ ...NO_MAPS, methods: [], picture: asked.picture, target: asked.target });
  }

  change(part: Partial<Asked>): void {
    if (part.cells !== undefined) this.over = this.kept = null;
    this.asked = { ...this.asked, ...part };
    this.ask();
  }

  /** Asks whatever is open, and lets go of what is no longer asked. */
  ask(): void {
    const { model, layer, device } = this.studio;
    this.tiles.move(model && layer ? { model, layer, device } : null);
    if (this.#now && this.asking && this.#question(this.asking) !== this.#answered[this.asking]) this.#now.abort();
    void this.#work();
  }

  /** What led to the cell that is looked at: its strongest units are the target, in the significant layer before. */
  goBack(): void {
    const { cells, found, at, studio } = this;
    const before = this.before;
    if (!cells || !found || at === null || !before) return;
    const kept = strongest(cells.vectors[at]!, BACK_UNITS).map(({ channel }) => channel);
    const vector = Array.from(cells.vectors[at]!, (v, c) => (kept.includes(c) ? Number(v.toPrecision(3)) : 0));
    const own = Array.from(cells.cellOf.keys()).filter((p) => cells.cellOf[p] === at);
    const middle = own[own.length >> 1]!;
    const [, width] = found.grid;
    this.over = this.kept = null;
    this.explaining.chooseTarget({
      kind: "direction",
      layer: found.layer,
      vector,
      x: middle % width,
      y: Math.floor(middle / width),
    });
    studio.choose({ layer: before.name });
  }

  retry(): void {
    this.#answered = { layer: null, groups: null };
    void this.#work();
  }

  end(): void {
    this.#ended = true;
    this.explaining.end();
    this.tiles.end();
    this.#now?.abort();
  }

  #question(kind: "layer" | "groups"): string | null {
    const { studio, explaining, asked } = this;
    if (!studio.model || !studio.layer || !explaining.picture) return null;
    if (explaining.picture !== this.#pictured) {
      this.#pictured = explaining.picture;
      this.#pictures++;
    }
    const { target } = explaining.asked;
    const place = [studio.model.stored.sha256, studio.layer.name, studio.device, this.#pictures, target, asked.points];
    return JSON.stringify(kind === "groups" ? [...place, asked.groups] : place);
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let kind = this.#open(); kind; kind = this.#open()) {
      const abort = (this.#now = new AbortController());
      this.#answered[kind] = this.#question(kind);
      this.asking = kind;
      this.progress = null;
      this.trouble = null;
      try {
        await this.tiles.during(this.#answer(kind, abort.signal));
      } catch (error) {
        if (abort.signal.aborted) this.#answered[kind] = null;
        else {
          this.trouble = messageOf(error);
          if (kind === "layer") this.found = this.groups = null;
        }
      }
    }
    this.#now = null;
    this.asking = null;
    this.#working = false;
  }

  #open(): "layer" | "groups" | null {
    if (this.#ended) return null;
    const open = (kind: "layer" | "groups"): boolean => {
      const question = this.#question(kind);
      return question !== null && question !== this.#answered[kind];
    };
    if (open("layer")) return "layer";
    return this.asked.tab === "groups" && this.found && open("groups") ? "groups" : null;
  }

  async #answer(kind: "layer" | "groups", signal: AbortSignal): Promise<void> {
    const { studio, explaining, asked } = this;
    const { card, stored } = studio.model!;
    const target: AttributionTarget | null = explaining.asked.target;
    const request = {
      ...{ weights: stored.sha256, card, picture: explaining.picture!, device: studio.device },
      ...{ layer: studio.layer!.name, points: asked.points },
      ...(target ? { target } : {}),
    };
    const task = { signal, onProgress: (p: Progress) => void (this.progress = p) };
    if (kind === "groups") {
      this.groups = await this.machine.neuronGroups({ ...request, count: asked.groups }, task);
      return;
    }
    const before = this.found?.grid.join();
    this.found = await this.machine.attributeLayer(request, task);
    this.groups = null;
    this.shown = null;
    this.stamp++;
    if (before !== this.found.grid.join()) this.over = this.kept = null;
  }
}
