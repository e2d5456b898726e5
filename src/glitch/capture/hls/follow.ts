import { setTimeout as delay } from 'node:timers/promises';
import { AnchorNetError, CancelledError } from '../../../base/errors.js';
import { load } from './load.js';
import { loadMediaPlaylist, type FoundPlaylist } from './load-playlist.js';
import type { HlsResource, HlsSegment, MediaPlaylist } from './playlist.js';

/** 10 s at 50 Mb/s. */
const MAX_SEGMENT_BYTES = 64 * 2 ** 20;
const MAX_MAP_BYTES = 2 ** 20;
/** Players begin so many target durations before the end (§6.3.3). */
const HOLD_BACK_TARGETS = 3;
/** A server that has so many segments in a row in its playlist and nowhere else has none. */
const MAX_FAILED_IN_ROW = 5;

export interface LoadedSegment {
  readonly type: 'segment';
  readonly msn: number;
  /** Initialisation section and segment, one after the other. */
  readonly bytes: Buffer;
  /** Of the bytes. */
  readonly length: number;
  readonly isDiscontinuity: boolean;
}

/** Segments that were not to be had. */
export interface LostSegments {
  readonly type: 'lost';
  readonly message: string;
  /** Undefined when they were not asked for. */
  readonly failure: AnchorNetError | undefined;
  readonly length: 0;
}

export type HlsPiece = LoadedSegment | LostSegments;

interface FollowOptions {
  /** For each thing that is loaded. */
  readonly timeoutMs: number;
  /** How much is taken of a stream that has ended; all of it when left out. */
  readonly durationMs?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * The segments of a playlist, one at a time as they are asked for: of a live one from its live edge on as they come, of
 * one that has ended from its beginning to its end. The playlist is loaded again once per target duration, twice when
 * nothing was new (§6.3.4); that it cannot be loaded now is not yet an end.
 *
 * @throws DestinationError when segment after segment cannot be loaded; CancelledError when the signal aborts
 */
export async function* followSegments(
  found: FoundPlaylist,
  options: FollowOptions,
): AsyncGenerator<HlsPiece, undefined> {
  const maps = new MapCache(options);
  let { playlist } = found;
  const takenMs = playlist.isEnded ? (options.durationMs ?? Infinity) : Infinity;
  let next = startOf(playlist);
  let doneMs = 0;
  let failed = 0;
  for (;;) {
    const loadedAt = performance.now();
    const before = next;
    for (const item of newSegments(playlist, next)) {
      if ('message' in item) yield lost(item.message);
      else {
        if (doneMs >= takenMs) return undefined;
        doneMs += item.durationMs;
        next = item.msn + 1;
        const piece = await loaded(item, maps, options);
        yield piece;
        const failure = piece.type === 'lost' ? piece.failure : undefined;
        failed = failure === undefined ? 0 : failed + 1;
        if (failure !== undefined && failed === MAX_FAILED_IN_ROW) throw failure;
      }
    }
    if (playlist.isEnded) return undefined;
    const waitMs = playlist.targetDurationMs / (next === before ? 2 : 1);
    const restMs = Math.max(0, loadedAt + waitMs - performance.now());
    await delay(restMs, undefined, { signal: options.signal });
    playlist = await loadMediaPlaylist(found.address, options).catch((error: unknown) => {
      if (error instanceof CancelledError || !(error instanceof AnchorNetError)) throw error;
      return { ...playlist, segments: [] };
    });
  }
}

function startOf({ segments, targetDurationMs, isEnded }: MediaPlaylist): number {
  let ahead = isEnded ? -Infinity : 0;
  for (const segment of [...segments].reverse()) {
    ahead += segment.durationMs;
    if (ahead >= HOLD_BACK_TARGETS * targetDurationMs) return segment.msn;
  }
  return segments[0]?.msn ?? 0;
}

/** What a playlist has from a number on, and what it has no more. */
function* newSegments(
  { segments }: MediaPlaylist,
  next: number,
): Generator<HlsSegment | { readonly message: string }> {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) return;
  if (next > 0 && first.msn > next) {
    yield {
      message: `segments ${next} to ${first.msn - 1} were gone from the playlist before they could be read`,
    };
  }
  // One behind is an old copy of the playlist from a cache; all of it behind is a server that began anew.
  const isAnew = last.msn < next - segments.length;
  if (isAnew) yield { message: `the playlist went back from segment ${next} to ${first.msn}` };
  for (const segment of segments) if (isAnew || segment.msn >= next) yield segment;
}

async function loaded(segment: HlsSegment, maps: MapCache, options: FollowOptions): Promise<HlsPiece> {
  const { msn, isDiscontinuity, isGap } = segment;
  if (isGap) return lost(`segment ${msn} is missing at the server, by its own word`);
  try {
    const map = segment.map === undefined ? Buffer.alloc(0) : await maps.get(segment.map);
    const { bytes } = await load(segment, { ...options, maxBytes: MAX_SEGMENT_BYTES });
    const all = Buffer.concat([map, bytes]);
    return { type: 'segment', msn, bytes: all, length: all.length, isDiscontinuity };
  } catch (error) {
    if (error instanceof CancelledError || !(error instanceof AnchorNetError)) throw error;
    return lost(`segment ${msn} could not be loaded: ${error.message}`, error);
  }
}

const lost = (message: string, failure?: AnchorNetError): LostSegments => ({
  type: 'lost',
  message,
  failure,
  length: 0,
});

/** Initialisation sections seldom change: the last one is kept. */
class MapCache {
  readonly #options: FollowOptions;
  #last: { readonly key: string; readonly bytes: Buffer } | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  async get(map: HlsResource): Promise<Buffer> {
    const key = JSON.stringify(map);
    if (this.#last?.key !== key) {
      const { bytes } = await load(map, { ...this.#options, maxBytes: MAX_MAP_BYTES });
      this.#last = { key, bytes };
    }
    return this.#last.bytes;
  }
}
