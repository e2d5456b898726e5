import type { IncomingMessage, ServerResponse } from 'node:http';
import { renderMultivariantPlaylist } from './playlist.js';
import type { OriginStream } from './stream.js';

const PREFIX = '/live/';
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** A blocked request is answered in any case after this: three target durations (RFC 8216bis §6.2.5.2). */
const BLOCK_MS = 10_000;
const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'content-length, date',
  'timing-allow-origin': '*',
};

/**
 * Serves streams under `/live/`: `<name>.flv`, `<name>/index.m3u8` and what its playlists name.
 *
 * @returns false when the path is none of these, and nothing has been done
 */
export function handleRequest(
  request: IncomingMessage,
  response: ServerResponse,
  streams: {
    readonly find: (name: string) => OriginStream | undefined;
    /** Address of the client, where a proxy carries its requests. */
    readonly client?: string | undefined;
  },
): boolean {
  const url = parseUrl(request.url ?? '');
  const target = url === undefined ? undefined : parsePath(url.pathname);
  if (url === undefined || target === undefined) return false;
  const method = request.method ?? 'GET';
  if (method === 'OPTIONS') {
    answer(response, 204, {
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      'access-control-allow-headers': 'range, cache-control, content-type',
      'access-control-max-age': '86400',
    });
    return true;
  }
  if (method !== 'GET' && method !== 'HEAD') {
    answer(response, 405, { allow: 'GET, HEAD, OPTIONS' });
    return true;
  }
  const stream = streams.find(target.name);
  if (stream === undefined) answer(response, 404, noStore);
  else if (target.file === undefined) serveFlv(stream, method, response);
  else {
    const client = streams.client ?? request.socket.remoteAddress ?? '';
    stream.hlsViewers.seen(`${client} ${request.headers['user-agent'] ?? ''}`);
    new HlsRequest(stream, method === 'HEAD', response).serve(target.file, url.searchParams);
  }
  return true;
}

const noStore = { 'cache-control': 'no-store' };

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text, 'http://origin');
  } catch {
    return undefined;
  }
}

function parsePath(path: string): { readonly name: string; readonly file?: string } | undefined {
  if (!path.startsWith(PREFIX)) return undefined;
  const match = /^([A-Za-z0-9_-]{1,128})(?:\.flv|\/([A-Za-z0-9_.-]{1,128}))$/.exec(path.slice(PREFIX.length));
  const [, name, file] = match ?? [];
  if (name === undefined) return undefined;
  return file === undefined ? { name } : { name, file };
}

function answer(response: ServerResponse, status: number, headers: Record<string, string>): void {
  response.writeHead(status, { ...cors, ...headers, 'content-length': '0' }).end();
}

function serveFlv(stream: OriginStream, method: string, response: ServerResponse): void {
  response.writeHead(200, { ...cors, ...noStore, 'content-type': 'video/x-flv' });
  if (method === 'HEAD') response.end();
  else {
    response.flushHeaders();
    stream.flv.add(response);
  }
}

class HlsRequest {
  readonly #stream: OriginStream;
  readonly #isHead: boolean;
  readonly #response: ServerResponse;

  constructor(stream: OriginStream, isHead: boolean, response: ServerResponse) {
    this.#stream = stream;
    this.#isHead = isHead;
    this.#response = response;
  }

  serve(file: string, query: URLSearchParams): void {
    const { hls } = this.#stream;
    if (file === 'index.m3u8') {
      this.#when(
        () => hls.store.isReady,
        () => this.#sendPlaylist(this.#multivariant()),
      );
    } else if (file === 'media.m3u8') this.#serveMedia(query);
    else if (hls.store.isNextPart(file)) {
      this.#when(
        () => hls.store.resource(file) !== undefined,
        () => this.#sendResource(file),
      );
    } else this.#sendResource(file);
  }

  #multivariant(): string {
    const { hls } = this.#stream;
    return renderMultivariantPlaylist({
      mediaUri: 'media.m3u8',
      codecs: hls.codecs,
      bandwidthBps: hls.store.bandwidthBps,
      width: hls.size?.width,
      height: hls.size?.height,
    });
  }

  /** Delivery directives, RFC 8216bis §6.2.5. */
  #serveMedia(query: URLSearchParams): void {
    const { hls } = this.#stream;
    const msn = wholeNumber(query.get('_HLS_msn'));
    const part = wholeNumber(query.get('_HLS_part'));
    const isWrong = Number.isNaN(msn) || Number.isNaN(part) || (part !== undefined && msn === undefined);
    if (isWrong || (msn !== undefined && msn > hls.store.nextMsn + 2)) {
      answer(this.#response, 400, noStore);
      return;
    }
    this.#when(
      () => hls.store.isReady && (msn === undefined || hls.store.has(msn, part)),
      () => this.#sendPlaylist(hls.store.playlist()),
    );
  }

  /** Answers when it is true, at the latest after a while with 503 (§6.2.5.2). */
  #when(isTrue: () => boolean, send: () => void): void {
    const { hls } = this.#stream;
    if (isTrue()) {
      send();
      return;
    }
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      hls.off('changed', check);
      this.#response.off('close', leave);
      finish();
    };
    const check = (): void => {
      if (isTrue()) settle(send);
      else if (hls.store.isEnded) settle(() => answer(this.#response, 404, noStore));
    };
    const leave = (): void => settle(() => undefined);
    const timer = setTimeout(() => settle(() => answer(this.#response, 503, noStore)), BLOCK_MS);
    hls.on('changed', check);
    this.#response.once('close', leave);
    if (hls.store.isEnded) check();
  }

  #sendPlaylist(text: string): void {
    this.#send([Buffer.from(text)], { 'content-type': PLAYLIST_TYPE, 'cache-control': 'no-cache' });
  }

  #sendResource(file: string): void {
    const found = this.#stream.hls.store.resource(file);
    if (found === undefined) answer(this.#response, 404, noStore);
    else {
      // Names are never used twice, so what they name never changes.
      this.#send(found, { 'content-type': 'video/mp4', 'cache-control': 'public, max-age=3600, immutable' });
    }
  }

  #send(pieces: readonly Buffer[], headers: Record<string, string>): void {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#response.writeHead(200, { ...cors, ...headers, 'content-length': String(length) });
    if (!this.#isHead) {
      this.#stream.hlsBytesOut += length;
      for (const piece of pieces) this.#response.write(piece);
    }
    this.#response.end();
  }
}

/** NaN when it is there and not a whole number. */
function wholeNumber(text: string | null): number | undefined {
  if (text === null) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
