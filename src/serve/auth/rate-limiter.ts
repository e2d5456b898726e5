import { isIPv6 } from 'node:net';
import type { Clock } from '../../base/clock.js';

/** Sources remembered at once; the one unseen for longest goes first. */
const MAX_SOURCES = 10_000;

export interface RateLimit {
  /** Requests a source may make at once. */
  readonly burst: number;
  readonly perSecond: number;
}

/** Token buckets, one per source address (IPv6: per /64, which one subscriber holds). */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  /** In order of last use. */
  readonly #buckets = new Map<string, { tokens: number; atUs: number }>();

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Takes one token. @returns 0 when there was one, otherwise the whole seconds until there is one. */
  take(address: string): number {
    const key = sourceOf(address);
    const nowUs = this.#clock.nowUs();
    const bucket = this.#buckets.get(key) ?? { tokens: this.#limit.burst, atUs: nowUs };
    const refilled = bucket.tokens + ((nowUs - bucket.atUs) / 1e6) * this.#limit.perSecond;
    const tokens = Math.min(this.#limit.burst, refilled);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, atUs: nowUs });
    if (this.#buckets.size > MAX_SOURCES) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / this.#limit.perSecond);
  }
}

function sourceOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  if (address.includes('::')) groups.push(...Array<string>(missing).fill('0'));
  return groups.slice(0, 4).join(':');
}
