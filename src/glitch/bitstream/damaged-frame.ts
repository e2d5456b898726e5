import type { DamageEvent } from '../capture/event.js';
import type { Report } from '../detector.js';
import type { AacDetector, AacFrame } from './aac-frame.js';

/** Access units that cannot be read: by the container's rules, or by AAC's. One finding for a run of them. */
export class DamagedFrame implements AacDetector {
  readonly #report: Report;
  #timeMs = 0;
  #lastDamaged = -2;

  constructor(report: Report) {
    this.#report = report;
  }

  frame({ event, damage, timeMs }: AacFrame): void {
    this.#timeMs = timeMs;
    if (damage === undefined) return;
    const isRun = event.place.index === this.#lastDamaged + 1;
    this.#lastDamaged = event.place.index;
    if (isRun) return;
    this.#report({
      kind: 'damaged-frame',
      medium: 'audio',
      severity: 'major',
      reason: 'decoders mute, repeat or distort a frame that they cannot read',
      timeMs,
      durationMs: (event.unit.durationSamples * 1000) / event.unit.config.sampleRate,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { bytes: event.unit.data.length, problem: damage },
      cause: 'bytes were changed or cut on the way',
    });
  }

  damage({ medium, place, bytes, message, fatal }: DamageEvent): void {
    this.#report({
      kind: 'damaged-frame',
      medium,
      severity: 'major',
      reason: fatal ? 'the capture cannot be read from here on' : 'what is lost here cannot be played',
      timeMs: this.#timeMs,
      durationMs: 0,
      unit: place.index < 0 ? undefined : place.index,
      byteOffset: place.byteOffset,
      measured: { bytes, problem: message },
      cause: fatal ? 'the capture was cut off or damaged' : 'bytes were changed or cut on the way',
    });
  }
}
