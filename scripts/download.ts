/** Downloading one file in Node, with progress. */

/** A download that failed; the message says where, why and what to do. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
}

/** All bytes of `url`; `expected` is its length. `onProgress` is called at most twice a second, and at the end. */
export async function download(url: string, expected: number, onProgress: (loaded: number) => void): Promise<Uint8Array> {
  const response = await fetch(url).catch((error: Error) => {
    const cause = error.cause instanceof Error ? error.cause.message : error.message;
    throw new DownloadError(
      `${url} cannot be reached (${cause}). Check the connection, or get the file elsewhere and use --from.`,
    );
  });
  if (!response.ok || !response.body) throw new DownloadError(`${url} answered ${response.status} ${response.statusText}.`);
  const parts: Uint8Array[] = [];
  let loaded = 0;
  let reported = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    parts.push(part);
    loaded += part.length;
    if (loaded > expected)
      throw new DownloadError(`${url} sends more than the ${expected} bytes that the catalogue says. Nothing was kept.`);
    if (Date.now() - reported < 500) continue;
    reported = Date.now();
    onProgress(loaded);
  }
  onProgress(loaded);
  return new Uint8Array(Buffer.concat(parts));
}
