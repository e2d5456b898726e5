/** A viewer of HLS counts for so long after its last request. */
const ACTIVE_MS = 15_000;
const MAX_CLIENTS = 50_000;

/** Counts clients that keep coming back. */
export class ViewerCount {
  readonly #lastSeenMs = new Map<string, number>();

  seen(client: string): void {
    if (this.#lastSeenMs.size >= MAX_CLIENTS) this.count();
    if (this.#lastSeenMs.size < MAX_CLIENTS || this.#lastSeenMs.has(client)) {
      this.#lastSeenMs.set(client, Date.now());
    }
  }

  count(): number {
    const oldest = Date.now() - ACTIVE_MS;
    for (const [client, lastSeen] of this.#lastSeenMs) {
      if (lastSeen < oldest) this.#lastSeenMs.delete(client);
    }
    return this.#lastSeenMs.size;
  }
}
