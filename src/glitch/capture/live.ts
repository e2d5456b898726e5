import { AnchorNetError, CancelledError, DestinationError } from '../../base/errors.js';
import type { Capture, CaptureEvent } from './event.js';

export interface LiveOptions {
  /**
   * How much of the stream is taken, by the clock, and of HLS that has ended also by its own times; until it ends when
   * left out.
   */
  readonly durationMs?: number | undefined;
  /** The address has this long to answer, and then to send anything at all. */
  readonly silenceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_SILENCE_MS = 10_000;

/** A connection to an address, after it has answered. What comes of it are pieces, with their length in bytes. */
export interface LiveSource<T extends { readonly length: number }> {
  readonly format: string;
  /** The address as messages name it. */
  readonly shown: string;
  /**
   * The next piece; undefined when the stream has ended in order. Called again only after it has settled. Rejects when
   * the connection breaks.
   */
  next(): Promise<T | undefined>;
  events(pieces: AsyncIterable<T>): AsyncIterable<CaptureEvent>;
  /** Idempotent; settles what {@link next} waits for. */
  close(): Promise<void>;
}

/**
 * What an address sends as a capture. It ends when the stream does, when the time is over, or when nothing comes any
 * more: that is said as damage, and what came before it is analysed. A piece is asked for only when the last one has
 * been analysed. Its events throw DestinationError when nothing ever comes, CancelledError when the signal aborts
 * before.
 */
export function liveCapture<T extends { readonly length: number }>(
  source: LiveSource<T>,
  options: LiveOptions,
): Capture {
  const state: LiveState = { read: 0, stalled: false, failure: undefined };
  return {
    format: source.format,
    rewritten: false,
    bytes: undefined,
    bytesRead: () => state.read,
    events: () => liveEvents(source, options, state),
    close: () => source.close(),
  };
}

/** For what is no row of bytes. */
export function withoutOffsets(capture: Capture): Capture {
  return { ...capture, events: () => eventsWithoutOffsets(capture.events()) };
}

async function* eventsWithoutOffsets(events: AsyncIterable<CaptureEvent>): AsyncGenerator<CaptureEvent> {
  for await (const event of events) {
    yield event.type === 'pcm' ? event : { ...event, place: { ...event.place, byteOffset: undefined } };
  }
}

interface LiveState {
  read: number;
  stalled: boolean;
  failure: unknown;
}

async function* liveEvents<T extends { readonly length: number }>(
  source: LiveSource<T>,
  options: LiveOptions,
  state: LiveState,
): AsyncGenerator<CaptureEvent> {
  let events = 0;
  let waiting: CaptureEvent | undefined;
  for await (const event of source.events(livePieces(source, options, state))) {
    if (waiting !== undefined) yield waiting;
    waiting = event;
    events++;
  }
  // Where the connection is left, a tag is cut off: that is no damage of the stream.
  const isCut = waiting?.type === 'damage' && waiting.fatal && waiting.message.includes('ends within');
  if (waiting !== undefined && !isCut) yield waiting;
  if (events === 0) throw neverStarted(source.shown, options, state);
  if (!state.stalled) return;
  yield {
    type: 'damage',
    medium: 'audio',
    place: { index: -1, byteOffset: state.read },
    bytes: 0,
    message: 'the address stopped sending',
    fatal: true,
  };
}

function neverStarted(shown: string, options: LiveOptions, { failure }: LiveState): AnchorNetError {
  if (options.signal?.aborted === true) return new CancelledError('analysis: cancelled');
  if (failure instanceof AnchorNetError) return failure;
  return new DestinationError(`${shown}: the stream never started`, { cause: failure });
}

async function* livePieces<T extends { readonly length: number }>(
  source: LiveSource<T>,
  options: LiveOptions,
  state: LiveState,
): AsyncGenerator<T> {
  const { silenceMs = DEFAULT_SILENCE_MS, durationMs, signal } = options;
  const wasCancelled = (): boolean => signal?.aborted === true;
  const endsAt = durationMs === undefined ? Infinity : performance.now() + durationMs;
  try {
    while (performance.now() < endsAt && !wasCancelled()) {
      const leftMs = endsAt - performance.now();
      const piece = await within(source.next(), Math.min(silenceMs, leftMs));
      if (piece === 'late') {
        state.stalled = silenceMs < leftMs;
        return;
      }
      if (piece === undefined) return;
      state.read += piece.length;
      yield piece;
    }
  } catch (error) {
    // A broken connection is the end of the stream, and told as such.
    state.stalled = !wasCancelled();
    state.failure = error;
  } finally {
    await source.close();
  }
}

/** @returns 'late' when nothing came in time */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), Math.max(0, ms));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
