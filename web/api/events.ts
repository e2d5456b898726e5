import { authorization, refusal, ApiError } from './client.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;
/** The server sends something every 15 s. */
const SILENCE_MS = 40_000;

export interface EventHandlers {
  onEvent(name: string, data: unknown): void;
  /** Whether the stream is up. */
  onConnected(connected: boolean): void;
  /** The server refuses for good (401, 403, 404). */
  onRefused(error: ApiError): void;
}

/** Reads server-sent events by fetch (EventSource cannot send a token in a header) and keeps at it. */
export function openEvents(path: string, token: string | undefined, handlers: EventHandlers): () => void {
  const stopped = new AbortController();
  void keepReading(path, token, handlers, stopped.signal);
  return () => stopped.abort();
}

async function keepReading(
  path: string,
  token: string | undefined,
  handlers: EventHandlers,
  stopped: AbortSignal,
): Promise<void> {
  let lastId: string | undefined;
  let retryMs = FIRST_RETRY_MS;
  while (!stopped.aborted) {
    try {
      const watchdog = new Watchdog(stopped);
      const response = await fetch(`/api/v1${path}`, {
        headers: { ...authorization(token), ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
        signal: watchdog.signal,
        cache: 'no-store',
      });
      if (!response.ok || response.body === null) throw await refusal(response);
      handlers.onConnected(true);
      for await (const event of parse(response.body, watchdog)) {
        retryMs = FIRST_RETRY_MS;
        lastId = event.id ?? lastId;
        handlers.onEvent(event.name, JSON.parse(event.data));
      }
    } catch (error) {
      if (stopped.aborted) return;
      if (error instanceof ApiError && [401, 403, 404].includes(error.status))
        return handlers.onRefused(error);
    }
    if (stopped.aborted) return;
    handlers.onConnected(false);
    await new Promise((resolve) => setTimeout(resolve, retryMs * (0.75 + Math.random() / 2)));
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }
}

interface ParsedEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string | undefined;
}

async function* parse(body: ReadableStream<Uint8Array>, watchdog: Watchdog): AsyncGenerator<ParsedEvent> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    watchdog.feed();
    text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event !== undefined) yield event;
    }
  }
}

function parseEvent(block: string): ParsedEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
  }
  const data = fields.get('data');
  return data === undefined
    ? undefined
    : { name: fields.get('event') ?? 'message', data, id: fields.get('id') };
}

/** Aborts what has gone silent. */
class Watchdog {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stopped: AbortSignal) {
    stopped.addEventListener('abort', () => {
      clearTimeout(this.#timer);
      this.#controller.abort();
    });
    this.feed();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  feed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), SILENCE_MS);
  }
}
