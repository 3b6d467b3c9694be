/**
 * Progress on its way out of a worker: at most one step event per interval, never awaited; a change of phase and the last event of
 * a phase always go out. Frames are kept until an event carries them.
 */
import type { Picture, Progress } from "../api/engine";

const INTERVAL_MS = 50;

export interface Coalesced {
  report(p: Progress): void;
  /** Sends what is still held back; resolves when the receiver has everything, so that a result sent afterwards comes after it. */
  flush(): Promise<void>;
}

/** Wraps a callback; `transfer` marks frames' bytes as movable. `now` is for tests. */
export function coalesce(
  send: (p: Progress) => void | Promise<void>,
  transfer?: <T extends object>(value: T, buffers: ArrayBuffer[]) => T,
  now: () => number = () => performance.now(),
): Coalesced {
  let held: Progress | null = null;
  let frames: Picture[] | null = null;
  let sentAt = -Infinity;
  let delivered: Promise<void> = Promise.resolve();
  const sendHeld = () => {
    if (!held) return;
    const event = held.phase === "step" ? { ...held, frames } : held;
    const buffers = (frames ?? []).map(({ rgba }) => rgba.buffer);
    const sent = buffers.length ? (transfer?.(event, buffers) ?? event) : event;
    held = frames = null;
    sentAt = now();
    delivered = (async () => send(sent))().catch(() => {}); // a page that is gone hears nothing, and that is all right
  };
  const report = (p: Progress) => {
    if (held && held.phase !== p.phase) sendHeld();
    held = p;
    if (p.phase === "step") frames = p.frames ?? frames;
    if (p.phase !== "step" || p.frames !== null || now() - sentAt >= INTERVAL_MS) sendHeld();
  };
  const flush = () => {
    sendHeld();
    return delivered;
  };
  return { report, flush };
}
