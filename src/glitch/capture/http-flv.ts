import { CancelledError, DestinationError } from '../../base/errors.js';
import type { Capture, CaptureEvent } from './event.js';
import { flvEvents } from './open.js';

export interface LiveOptions {
  /** How much of the stream is taken, by the clock; until it ends when left out. */
  readonly durationMs?: number | undefined;
  /** The address has this long to answer, and then to send anything at all. */
  readonly silenceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_SILENCE_MS = 10_000;

export function isLiveAddress(input: string): boolean {
  return /^https?:\/\//i.test(input);
}

/**
 * An HTTP-FLV address as a capture. It ends when the stream does, when the time is over, or when nothing comes any more:
 * that is said as damage, and what came before it is analysed.
 *
 * @throws DestinationError when the address cannot be reached, refuses, or never sends anything
 * @throws CancelledError when the signal aborts before anything came
 */
export async function openLive(address: string, options: LiveOptions = {}): Promise<Capture> {
  const { silenceMs = DEFAULT_SILENCE_MS } = options;
  const connection = new AbortController();
  const cancel = (): void => connection.abort();
  options.signal?.addEventListener('abort', cancel, { once: true });
  if (options.signal?.aborted === true) cancel();
  const timer = setTimeout(cancel, silenceMs);
  const response = await fetch(address, { signal: connection.signal }).catch((cause: unknown) => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cancel);
    if (options.signal?.aborted === true) throw new CancelledError('analysis: cancelled');
    throw new DestinationError(
      connection.signal.aborted
        ? `${address}: no answer within ${silenceMs} ms`
        : `${address}: cannot be reached`,
      { cause },
    );
  });
  clearTimeout(timer);
  const close = async (): Promise<void> => {
    options.signal?.removeEventListener('abort', cancel);
    connection.abort();
    await response.body?.cancel().catch(() => undefined);
  };
  if (!response.ok || response.body === null) {
    await close();
    throw new DestinationError(`${address}: expected a stream, got status ${response.status}`);
  }
  const state = { read: 0, stalled: false };
  const chunks = liveChunks(response.body, { ...options, silenceMs, state });
  return {
    format: 'http-flv',
    rewritten: false,
    bytes: undefined,
    bytesRead: () => state.read,
    events: () => liveEvents(address, chunks, state),
    close,
  };
}

interface LiveState {
  read: number;
  stalled: boolean;
}

async function* liveEvents(
  address: string,
  chunks: AsyncIterable<Buffer>,
  state: LiveState,
): AsyncGenerator<CaptureEvent> {
  let events = 0;
  let waiting: CaptureEvent | undefined;
  for await (const event of flvEvents(chunks)) {
    if (waiting !== undefined) yield waiting;
    waiting = event;
    events++;
  }
  // Where the connection is left, a tag is cut off: that is no damage of the stream.
  const isCut = waiting?.type === 'damage' && waiting.fatal && waiting.message.includes('ends within');
  if (waiting !== undefined && !isCut) yield waiting;
  if (events === 0) throw new DestinationError(`${address}: the stream never started`);
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

async function* liveChunks(
  body: ReadableStream<Uint8Array>,
  options: LiveOptions & { readonly silenceMs: number; readonly state: LiveState },
): AsyncGenerator<Buffer> {
  const { state, silenceMs, durationMs, signal } = options;
  const wasCancelled = (): boolean => signal?.aborted === true;
  const reader = body.getReader();
  const endsAt = durationMs === undefined ? Infinity : performance.now() + durationMs;
  try {
    while (performance.now() < endsAt && !wasCancelled()) {
      const step = await within(reader.read(), Math.min(silenceMs, endsAt - performance.now()));
      if (step === 'late') {
        state.stalled = performance.now() < endsAt;
        return;
      }
      if (step === undefined) {
        // A broken connection is the end of the stream, and told as such.
        state.stalled = !wasCancelled();
        return;
      }
      if (step.done) return;
      state.read += step.value.length;
      yield Buffer.from(step.value);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** @returns 'late' when nothing came in time, undefined when reading failed */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late' | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), Math.max(0, ms));
  });
  try {
    return await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
