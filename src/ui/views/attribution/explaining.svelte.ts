/**
 * A picture, a target, and maps of what speaks for it: what is asked, what is answered, one question after the other, the newest wish first.
 * While the picture is in motion (a camera, a patch that is dragged) a question that runs is let finish, and only quick methods follow.
 */
import type { AttributionMethod, AttributionTarget, Prediction } from "../../../api/attribution";
import type { NamedPictures, Picture } from "../../../api/engine";
import { sidesOf } from "../../../onnx/preprocessing";
import type { Tensor } from "../../../onnx/graph";
import { messageOf, type Machine } from "../../state/machine";
import { PictureError } from "../../state/pictures.svelte";
import { f32Picture } from "../../state/pixels";
import type { Studio } from "../../state/studio.svelte";
import { BEGINNING, MOST_MAPS, type Asked, type Look } from "./link";
import { MapRun } from "./mapRun.svelte";
import { orderOf } from "./order";
import { inputOf, occluded, type Occluder } from "./subject";

/** Classes that are listed. */
const COUNT = 6;

/** Something whose picture changes by itself. */
export interface Source {
  /** The picture as it is now; null while there is none. */
  grab(): Picture | null;
  end(): void;
}

export class Explaining {
  asked = $state.raw<Asked>(BEGINNING);
  maps = $state.raw<readonly MapRun[]>([]);
  predictions = $state.raw<readonly Prediction[]>([]);
  /** Why the network's answer could not be had. */
  trouble = $state<string | null>(null);
  /** Asked for its classes just now. */
  predicting = $state(false);
  occluder = $state.raw<Occluder | null>(null);
  source = $state.raw<Source | null>(null);
  /** A pixel that is looked at, over all maps: of the network's input. */
  at = $state.raw<{ x: number; y: number } | null>(null);

  size = $derived.by<readonly [number, number] | null>(() => {
    const card = this.studio.model?.card;
    return card ? sidesOf(card.preprocessing) : null;
  });
  known = $derived.by(() => this.studio.pictures.find(this.asked.picture));
  /** As the network gets it, nothing hidden: [1, 3, H, W]. */
  #whole = $derived.by<Tensor | null>(() => {
    const given = this.source ? this.#frame && { name: "camera", picture: this.#frame } : this.known;
    return given && this.size ? inputOf(given, this.size) : null;
  });
  input = $derived(this.#whole && occluded(this.#whole, this.occluder));
  picture = $derived(this.input && f32Picture(this.input));
  /** As the reader wants them in order. */
  ordered = $derived.by(() => orderOf(this.asked.look.order).sort(this.maps));
  /** Questions that are open. */
  waiting = $derived(this.maps.filter(({ status }) => status === "waiting" || status === "running").length);

  #frame = $state.raw<Picture | null>(null);
  #moving = false;
  #working = false;
  #ended = false;
  #now: { abort: AbortController; map: MapRun | null } | null = null;
  #pictured = 0;
  #predicted: string | null = null;
  #count = 0;

  constructor(
    readonly studio: Studio,
    readonly machine: Machine,
  ) {}

  /** Takes over what a link asks for; maps that answer it already stay. */
  follow(asked: Asked): void {
    const before = this.asked;
    this.asked = asked;
    this.occluder = asked.hidden;
    const methods = asked.methods.map((method) => JSON.stringify(method));
    const kept = this.maps.filter(({ method }) => methods.includes(JSON.stringify(method)));
    this.maps = asked.methods.map(
      (method) => kept.find((map) => JSON.stringify(map.method) === JSON.stringify(method)) ?? this.#map(method),
    );
    if (asked.picture !== before.picture) this.stopSource();
    this.refresh();
  }

  choosePicture(picture: string): void {
    this.stopSource();
    this.occluder = null;
    this.asked = { ...this.asked, picture, hidden: null };
    this.refresh();
  }

  chooseTarget(target: AttributionTarget | null): void {
    this.asked = { ...this.asked, target };
    if (!this.#live && this.#now?.map) this.#now.abort.abort();
    void this.#work();
  }

  look(part: Partial<Look>): void {
    this.asked = { ...this.asked, look: { ...this.asked.look, ...part } };
  }

  add(method: AttributionMethod): void {
    if (this.maps.length >= MOST_MAPS) return;
    this.maps = [...this.maps, this.#map(method)];
    this.#list();
  }

  remove(map: MapRun): void {
    this.maps = this.maps.filter((other) => other !== map);
    if (this.#now?.map === map) this.#now.abort.abort();
    this.#list();
  }

  /** Another option of a method: its map is made again. */
  change(map: MapRun, method: AttributionMethod): void {
    map.method = method;
    if (this.#now?.map === map) this.#now.abort.abort();
    this.#list();
  }

  /** Gives a map up, until the question is another one. */
  stop(map: MapRun): void {
    map.status = "stopped";
    map.answers = this.#asks(map);
    if (this.#now?.map === map) this.#now.abort.abort();
  }

  retry(map: MapRun): void {
    map.answers = null;
    map.status = "waiting";
    void this.#work();
  }

  /** A patch over the picture; `moving` while it is dragged. */
  occlude(occluder: Occluder | null, moving = false): void {
    this.occluder = occluder;
    this.#moving = moving;
    if (!moving) this.asked = { ...this.asked, hidden: occluder };
    this.refresh();
  }

  /** Follows a camera. */
  watch(source: Source): void {
    this.stopSource();
    this.source = source;
    void this.#work();
  }

  stopSource(): void {
    this.source?.end();
    this.source = null;
    this.#frame = null;
  }

  /** The picture or the network has changed: what is out of date is made again. */
  refresh(): void {
    this.#pictured += 1;
    if (!this.#live) this.#now?.abort.abort();
    void this.#work();
  }

  end(): void {
    this.#ended = true;
    this.stopSource();
    this.#now?.abort.abort();
  }

  get #live(): boolean {
    return this.#moving || this.source !== null;
  }

  #map(method: AttributionMethod): MapRun {
    return new MapRun(++this.#count, method);
  }

  /** The methods have changed: so has the link. */
  #list(): void {
    this.asked = { ...this.asked, methods: this.maps.map(({ method }) => method) };
    void this.#work();
  }

  /** What the present picture and network make a question of. */
  #question(): string | null {
    const { model, device } = this.studio;
    return model && this.picture ? JSON.stringify([model.stored.sha256, device, this.#pictured]) : null;
  }

  /** What `map` would answer now. */
  #asks({ method }: MapRun): string {
    return this.#question() + JSON.stringify([this.asked.target, method]);
  }

  /** Answers whatever is open. Never rejects. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      while (!this.#ended) {
        if (this.source && !this.#takeFrame()) await nextFrame();
        const question = this.#question();
        if (question === null) {
          if (!this.source) break;
          await nextFrame();
          continue;
        }
        const map = this.maps.find((map) => map.answers !== this.#asks(map) && (!this.#live || map.card.live));
        if (this.#predicted !== question) await this.#predict(question);
        else if (map) await this.#explain(map, this.#asks(map));
        else if (!this.source) break;
        else this.#fresh = true;
      }
    } finally {
      this.#working = false;
    }
  }

  /** Everything quick has answered the last frame: the next one may come. */
  #fresh = true;

  #takeFrame(): boolean {
    if (!this.#fresh) return true;
    const frame = this.source?.grab() ?? null;
    if (!frame) return false;
    this.#frame = frame;
    this.#pictured += 1;
    this.#fresh = false;
    return true;
  }

  /** The pictures that a method names. Throws PictureError naming one that is not here. */
  #named({ method }: MapRun): NamedPictures {
    const names = method.name === "expectedGradients" ? (method.backgrounds ?? []) : [];
    const { pictures, missing } = this.studio.pictures.gather(names);
    const [first] = missing;
    if (first !== undefined)
      throw new PictureError(
        `${missing.length} of its ${names.length} backgrounds ${missing.length === 1 ? "is" : "are"} not in this browser, ` +
          `${this.studio.pictures.titleOf(first)} first: pictures are not part of links. Drop them here, or choose other backgrounds.`,
      );
    return pictures;
  }

  async #predict(question: string): Promise<void> {
    const { model, device } = this.studio;
    if (!model || !this.picture) return;
    this.predicting = true;
    const abort = new AbortController();
    this.#now = { abort, map: null };
    this.#predicted = question;
    try {
      const { card, stored } = model;
      const request = { weights: stored.sha256, card, picture: this.picture, device, count: COUNT };
      this.predictions = await this.machine.predict(request, { signal: abort.signal });
      this.trouble = null;
    } catch (error) {
      if (!abort.signal.aborted) {
        this.trouble = messageOf(error);
        this.predictions = [];
      }
    } finally {
      this.predicting = false;
      this.#now = null;
    }
  }

  async #explain(map: MapRun, answers: string): Promise<void> {
    const { model, device } = this.studio;
    if (!model || !this.picture) return;
    const abort = new AbortController();
    this.#now = { abort, map };
    map.begin();
    map.answers = answers;
    try {
      const { card, stored } = model;
      const { target } = this.asked;
      const request = {
        weights: stored.sha256,
        card,
        picture: this.picture,
        method: map.method,
        pictures: this.#named(map),
        device,
      };
      const task = { signal: abort.signal, onProgress: map.report.bind(map) };
      map.result = await this.machine.attribute(target ? { ...request, target } : request, task);
      map.status = "done";
    } catch (error) {
      if (!abort.signal.aborted) {
        map.status = "failed";
        map.error = messageOf(error);
      } else if (map.status !== "stopped") {
        map.status = "waiting";
        map.answers = null;
      }
    } finally {
      this.#now = null;
    }
  }
}

const nextFrame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));
