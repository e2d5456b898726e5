import type { SoundPlace } from '../signal/place-map.js';

/** Sound between two times. */
export interface SoundWindow {
  readonly sampleRate: number;
  readonly fromMs: number;
  /**
   * One array per channel, full scale ±32767; 0 where there was no sound. {@link MARGIN} samples more at either end than
   * the window, which a spectrum at its edges needs.
   */
  readonly channels: readonly Int16Array[];
  /** Where there was sound, in ms. */
  readonly spans: readonly (readonly [fromMs: number, toMs: number])[];
}

interface Run {
  readonly position: number;
  readonly timeMs: number;
}

export const MARGIN = 256;
/** Detectors tell a defect seconds after it, and a long one only at its end. */
const SECONDS_KEPT = 30;
/** Stamps of milliseconds jitter; sound is drawn as it is heard, without. */
const STEP_MS = 4;

/** The newest seconds of sound at the times of its stamps, in 16 bits. */
export class RecentSound {
  #sampleRate = 0;
  #capacity = 0;
  #pcm: Int16Array[] = [];
  #end = 0;
  /** Stretches without a step in their stamps; the last one is still growing. */
  #runs: Run[] = [];

  append(channels: readonly Float32Array[], sampleRate: number, place: SoundPlace): void {
    if (this.#capacity === 0) {
      this.#sampleRate = sampleRate;
      this.#capacity = SECONDS_KEPT * sampleRate;
      this.#pcm = channels.map(() => new Int16Array(this.#capacity));
    }
    this.#place(place.timeMs);
    const length = channels[0]?.length ?? 0;
    channels.forEach((samples, channel) => {
      const ring = this.#pcm[channel];
      if (ring === undefined) return;
      let slot = this.#end % this.#capacity;
      for (const x of samples) {
        ring[slot] = Math.max(-1, Math.min(1, x)) * 32_767;
        if (++slot === this.#capacity) slot = 0;
      }
    });
    this.#end += length;
  }

  /** @returns undefined when nothing of it is remembered */
  window(fromMs: number, toMs: number): SoundWindow | undefined {
    const perMs = this.#sampleRate / 1000;
    const inner = Math.round((toMs - fromMs) * perMs);
    const length = inner + 2 * MARGIN;
    const channels = this.#pcm.map(() => new Int16Array(length));
    const spans: [number, number][] = [];
    const oldest = Math.max(0, this.#end - this.#capacity);
    this.#runs.forEach((run, index) => {
      const runEnd = this.#runs[index + 1]?.position ?? this.#end;
      const at = Math.round((run.timeMs - fromMs) * perMs) + MARGIN - run.position;
      const from = Math.max(run.position, oldest, -at);
      const to = Math.min(runEnd, length - at);
      if (to <= from) return;
      for (const [channel, ring] of this.#pcm.entries()) {
        for (let i = from; i < to; i++) channels[channel]![i + at] = ring[i % this.#capacity]!;
      }
      spans.push([fromMs + (from + at - MARGIN) / perMs, fromMs + (to + at - MARGIN) / perMs]);
    });
    return spans.length === 0 ? undefined : { sampleRate: this.#sampleRate, fromMs, channels, spans };
  }

  #place(timeMs: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined) {
      const expected = last.timeMs + ((this.#end - last.position) * 1000) / this.#sampleRate;
      if (Math.abs(timeMs - expected) < STEP_MS) return;
    }
    this.#runs.push({ position: this.#end, timeMs });
    const oldest = this.#end - this.#capacity;
    while (this.#runs.length > 1 && this.#runs[1]!.position < oldest) this.#runs.shift();
  }
}
