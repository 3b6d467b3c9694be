/**
 * Models that only the store worker's memory holds, for the engine worker of the same page: a question and an answer over a
 * BroadcastChannel, so that no port has to be handed around for a case this rare. Nothing leaves the origin.
 */
import type { Vault } from "./vault";

const CHANNEL = "micrographia-memory";

type Message = { ask: string; id: string } | { answer: string; id: string; parts: Uint8Array[] };

/** Answers for the models listed in `vault` until `stop` is called. */
export function shareMemory(vault: Vault): { stop: () => void } {
  const channel = openChannel();
  if (!channel) return { stop: () => {} };
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ("ask" in data) void answer(channel, vault, data);
  };
  return { stop: () => channel.close() };
}

async function answer(channel: BroadcastChannel, vault: Vault, { ask, id }: { ask: string; id: string }): Promise<void> {
  if (!(await vault.model(ask))) return;
  const parts: Uint8Array[] = [];
  for (const index of await vault.parts(ask)) parts.push((await vault.part(ask, index))!);
  channel.postMessage({ answer: ask, id, parts } satisfies Message);
}

/** The parts of a model in some worker's memory; null when nobody answers within `patienceMs`. */
export function askMemory(sha256: string, patienceMs: number): Promise<Uint8Array[] | null> {
  const channel = openChannel();
  if (!channel) return Promise.resolve(null);
  const id = crypto.randomUUID();
  return new Promise<Uint8Array[] | null>((resolve) => {
    const timer = setTimeout(() => resolve(null), patienceMs);
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if (!("answer" in data) || data.id !== id) return;
      clearTimeout(timer);
      resolve(data.parts);
    };
    channel.postMessage({ ask: sha256, id } satisfies Message);
  }).finally(() => channel.close());
}

/** Null where the browser refuses channels as it refuses storage. */
function openChannel(): BroadcastChannel | null {
  try {
    return new BroadcastChannel(CHANNEL);
  } catch {
    return null;
  }
}
