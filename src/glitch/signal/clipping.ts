import type { Report, SoundDetector } from '../detector.js';
import type { Verdict } from '../finding.js';
import { HOP, type Sound } from './sound.js';

const WINDOW_MS = 20;
/** Samples at full scale in a window: a peak that is just normalised has two or three. */
const MIN_SAMPLES = 5;
/** More of them are a square wave, which is meant to be there. */
const MAX_SHARE = 0.45;
const CALM_MS = 300;
/** Single samples at full scale this shortly before belong to it. */
const LEAD_MS = 100;
/** Windows with cut peaks: loud masters have two, at a drum. */
const HEARD_WINDOWS = 3;
const DISTORTED_WINDOWS = 5;

/** Peaks cut off at full scale, or decoded past it, where every player cuts them off. */
export class Clipping implements SoundDetector {
  readonly #report: Report;
  #next = 0;
  /** Hop of the first sample at full scale, and of the last window with one, without such a calm between them. */
  #lead: { readonly from: number; to: number } | undefined;
  #open: { from: number; to: number; samples: number; windows: number } | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    const window = sound.hops(WINDOW_MS);
    this.#next = Math.max(this.#next, sound.firstHop);
    for (; this.#next + window <= sound.endHop; this.#next += window) {
      let samples = 0;
      let firstHop = -1;
      for (const { full } of sound.measures) {
        let own = 0;
        for (let i = 0; i < window; i++) {
          const count = full[this.#next - sound.firstHop + i]!;
          if (count > 0 && (firstHop < 0 || i < firstHop)) firstHop = i;
          own += count;
        }
        if (own <= MAX_SHARE * window * HOP) samples = Math.max(samples, own);
      }
      if (samples > 0) this.#grow(this.#next + firstHop, sound.hops(LEAD_MS));
      if (samples >= MIN_SAMPLES) {
        this.#open ??= { from: this.#lead!.from, to: 0, samples: 0, windows: 0 };
        this.#open.to = this.#next + window;
        this.#open.samples += samples;
        this.#open.windows++;
      } else if (this.#open !== undefined && this.#next - this.#open.to > sound.hops(CALM_MS))
        this.#tell(sound);
      // The place is forgotten after some seconds: long clipping is told in pieces.
      if (this.#open !== undefined && this.#open.to - this.#open.from > sound.hops(2000)) this.#tell(sound);
    }
  }

  end(sound: Sound): void {
    if (this.#open !== undefined) this.#tell(sound);
  }

  #grow(hop: number, calm: number): void {
    if (this.#lead === undefined || hop - this.#lead.to > calm) this.#lead = { from: hop, to: hop };
    this.#lead.to = hop;
  }

  #tell(sound: Sound): void {
    const { from, to, samples, windows } = this.#open!;
    this.#open = undefined;
    this.#lead = undefined;
    const place = sound.locate(from * HOP);
    this.#report({
      kind: 'clipping',
      medium: 'audio',
      ...verdictOn(windows),
      timeMs: place.timeMs,
      durationMs: sound.ms((to - from) * HOP),
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: { samplesAtFullScale: samples, windowsOf20Ms: windows },
      cause: 'too much gain before the encoder, or peaks that coding pushes past full scale',
    });
  }
}

function verdictOn(windows: number): Verdict {
  if (windows < HEARD_WINDOWS)
    return { severity: 'info', reason: 'a peak is cut off, as in many loud masters: hardly heard' };
  return windows < DISTORTED_WINDOWS
    ? { severity: 'minor', reason: 'some peaks are cut off' }
    : { severity: 'major', reason: 'peaks are cut off again and again: heard as distortion' };
}
