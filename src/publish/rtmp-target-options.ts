import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { BackoffOptions } from './backoff.js';
import type { UnitQueueLimits } from './unit-queue.js';

/**
 * `connecting` until the first picture has gone out, `stalled` while the peer takes no bytes, `reconnecting` after a
 * loss until the first picture has gone out again, `failed` when attempts are used up, `idle` after close.
 */
export type RtmpTargetState = 'connecting' | 'live' | 'stalled' | 'reconnecting' | 'failed' | 'idle';

export interface RtmpTargetOptions {
  /** `rtmp[s]://host[:port]/app/key` */
  readonly url: string;
  readonly streamKey?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Called while the target waits for an IDR, at once and again every half second. */
  readonly onKeyframeNeeded?: () => void;
  /** Certificates (PEM) trusted for RTMPS instead of the system's. */
  readonly ca?: string | Buffer | readonly string[];
  readonly connectTimeoutMs?: number;
  /** A peer that takes not one byte for so long is given up. */
  readonly stallTimeoutMs?: number;
  readonly queue?: Partial<UnitQueueLimits>;
  readonly backoff?: Partial<BackoffOptions>;
  /** Failures in a row after which the target gives up; never by default. */
  readonly maxAttempts?: number;
  /** Whether pictures are to come: a target of audio alone waits for no IDR. */
  readonly hasVideo?: boolean;
}

export interface RtmpTargetStats {
  readonly state: RtmpTargetState;
  /** Bytes that the network has taken, over all connections. */
  readonly bytesOut: number;
  /** Over the last two seconds. */
  readonly bitrateBps: number;
  readonly unitsOut: number;
  /** Connections after the first. */
  readonly reconnects: number;
  /** Units not sent since the target was first live: while it was behind or away. */
  readonly droppedUnits: number;
  /** What waits: newest minus oldest time, and bytes, the socket's included. */
  readonly queueMs: number;
  readonly queueBytes: number;
  readonly lastError: string | undefined;
  /** What can be done about it. */
  readonly lastErrorHint: string | undefined;
  /** System clock; undefined while there is no connection. */
  readonly connectedAtUs: number | undefined;
}
