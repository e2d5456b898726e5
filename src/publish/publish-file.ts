import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, type Clock } from '../base/clock.js';
import { DestinationError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { unitTimeMs } from '../container/flv/muxer.js';
import type { ProgramUnit } from '../media/program-sink.js';
import { openMediaFile } from './media-file.js';
import { repeatUnits } from './repeat.js';
import { RtmpTarget } from './rtmp-target.js';
import type { RtmpTargetOptions, RtmpTargetStats } from './rtmp-target-options.js';

export interface PublishFileOptions {
  readonly path: string;
  readonly urls: readonly string[];
  /** How often the file is published, its timestamps going on; Infinity until stopped. 1 by default. */
  readonly times?: number;
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** For every target. */
  readonly target?: Omit<RtmpTargetOptions, 'url' | 'logger' | 'clock' | 'hasVideo'>;
  /** Called about twice a second. */
  readonly onProgress?: (progress: PublishProgress) => void;
}

export interface TargetReport extends RtmpTargetStats {
  /** The server and application, without the key. */
  readonly address: string;
}

export interface PublishProgress {
  /** Media time published so far. */
  readonly mediaMs: number;
  readonly targets: readonly TargetReport[];
}

export interface PublishReport extends PublishProgress {
  /** Whether the signal ended it before the file did. */
  readonly wasStopped: boolean;
}

const PROGRESS_MS = 500;
/** A timer that fires this early costs nothing; a shorter wait is not worth one. */
const PACING_GRAIN_MS = 2;

/**
 * Publishes a file in real time to all targets at once. It begins when each target has connected or failed once;
 * those that failed or are lost keep trying beside the others.
 *
 * @throws DestinationError when no target can be reached, or all have used up their attempts
 * @throws the errors of {@link openMediaFile}, and InvalidOptionError for an address that is none
 */
export async function publishFile(options: PublishFileOptions): Promise<PublishReport> {
  const { path, urls, logger, clock = systemClock } = options;
  const signal = options.signal ?? new AbortController().signal;
  const file = await openMediaFile(path, { signal });
  const targets: RtmpTarget[] = [];
  const report = (mediaMs: number): PublishProgress => ({
    mediaMs,
    targets: targets.map((target) => ({ address: target.address, ...target.stats() })),
  });
  let mediaMs = 0;
  const progress = setInterval(() => options.onProgress?.(report(mediaMs)), PROGRESS_MS);
  try {
    for (const url of urls) {
      targets.push(
        RtmpTarget.open({
          ...options.target,
          url,
          clock,
          hasVideo: file.hasVideo,
          ...(logger !== undefined && { logger }),
        }),
      );
    }
    await Promise.all(targets.map((target) => target.firstAttempt));
    if (targets.every((target) => target.stats().connectedAtUs === undefined) && !signal.aborted) {
      throw unreachable(targets);
    }
    const units = repeatUnits(() => file.units(), options.times ?? 1);
    for await (const { unit, atMs } of paced(units, { clock, signal })) {
      mediaMs = atMs;
      for (const target of targets) target.write(unit);
      if (targets.every(({ state }) => state === 'failed')) throw unreachable(targets);
    }
    // As it stands before goodbye: whether each target was live to the end.
    const last = report(mediaMs);
    await Promise.all(targets.map((target) => target.close()));
    const closed = report(mediaMs);
    return {
      mediaMs,
      wasStopped: signal.aborted,
      targets: closed.targets.map((target, i) => ({
        ...target,
        state: last.targets[i]?.state ?? target.state,
      })),
    };
  } finally {
    clearInterval(progress);
    await Promise.all(targets.map((target) => target.close()));
    await file.close();
  }
}

function unreachable(targets: readonly RtmpTarget[]): DestinationError {
  const last = targets.map((target) => ({ address: target.address, ...target.stats() }));
  const reasons = last.map(({ address, lastError }) => lastError ?? `${address}: no connection`);
  const hint = last.find(({ lastErrorHint }) => lastErrorHint !== undefined)?.lastErrorHint;
  return new DestinationError(reasons.join('; '), {
    hint: hint ?? 'Is the server running, and the stream key right?',
  });
}

/** Each unit at its time, by its decoding time since the first one. Ends early when the signal aborts. */
async function* paced(
  units: AsyncIterable<ProgramUnit>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<{ unit: ProgramUnit; atMs: number }> {
  let startUs: number | undefined;
  let firstMs = 0;
  for await (const unit of units) {
    if (signal.aborted) return;
    if (startUs === undefined) {
      startUs = clock.nowUs();
      firstMs = unitTimeMs(unit);
    }
    const atMs = unitTimeMs(unit) - firstMs;
    const waitMs = atMs - (clock.nowUs() - startUs) / 1000;
    if (waitMs > PACING_GRAIN_MS) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    yield { unit, atMs };
  }
}
