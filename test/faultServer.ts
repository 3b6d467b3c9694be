/** A file server on 127.0.0.1 that fails on demand: what the store has to live with, as real HTTP. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does with the n-th request (from 0) for the file. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse, n: number) => void;

export interface FaultServer {
  /** "http://127.0.0.1:port/" */
  url: string;
  /** Range header of each request, null where there was none. */
  ranges: (string | null)[];
  ifRanges: (string | null)[];
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** Starts it; every path is answered by the behaviour of the moment. */
export async function faultServer(): Promise<FaultServer> {
  let behaviour: Behaviour = (_, response) => response.writeHead(404).end();
  let n = 0;
  const server = createServer((request, response) => {
    faults.ranges.push(request.headers.range ?? null);
    faults.ifRanges.push((request.headers["if-range"] as string | undefined) ?? null);
    behaviour(request, response, n++);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const faults: FaultServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ranges: [],
    ifRanges: [],
    behave(next) {
      behaviour = next;
      n = 0;
      faults.ranges.length = faults.ifRanges.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return faults;
}

export interface ServeOptions {
  etag?: string;
  /** Bytes after which the connection is cut; Infinity for never. */
  cutAfter?: number;
  /** Milliseconds between the last byte and the cut: a browser drops what it has not handed on when the cut comes. */
  linger?: number;
  /** Stops sending after `cutAfter` bytes instead of cutting. */
  stall?: boolean;
  ignoreRange?: boolean;
  /** What Content-Range says, when it should lie. */
  contentRange?: string;
  /** Lets pages of other origins read it. */
  cors?: boolean;
  /** Without Content-Length: chunked, as a proxy does it. */
  chunked?: boolean;
}

/** Serves `file` as a good server does, but for what the options spoil. */
export function serve(request: IncomingMessage, response: ServerResponse, file: Uint8Array, options: ServeOptions = {}): void {
  const { etag, cutAfter = Infinity, linger = 0, stall, ignoreRange, chunked } = options;
  const asked = ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  const from = asked && (!ifRange || ifRange === etag) ? Number(asked[1]) : null;
  const headers: Record<string, string | number> = {
    "Content-Type": "application/octet-stream",
    ...(etag ? { ETag: etag } : {}),
    ...(options.cors ? { "Access-Control-Allow-Origin": "*" } : {}),
  };
  if (from !== null && from >= file.length) {
    response.writeHead(416, { ...headers, "Content-Range": `bytes */${file.length}` }).end();
    return;
  }
  const body = file.subarray(from ?? 0);
  if (!chunked) headers["Content-Length"] = body.length;
  if (from !== null) headers["Content-Range"] = options.contentRange ?? `bytes ${from}-${file.length - 1}/${file.length}`;
  response.writeHead(from === null ? 200 : 206, headers);
  if (cutAfter >= body.length) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, cutAfter), () => {
    if (!stall) setTimeout(() => response.socket?.end(), linger); // a connection that is reset would lose more
  });
}
