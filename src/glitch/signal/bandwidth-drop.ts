import type { Report, SoundDetector } from '../detector.js';
import { PowerSpectrum } from './fft.js';
import type { Sound } from './sound.js';

const SIZE = 1024;
/** Spectra are taken this far apart. */
const STEP_MS = 40;
/** Steps on either side: sound with cymbals or sibilants has its highs only now and then. */
const SIDE = 22;
/** Bands above this are watched; a band is this wide. */
const FROM_HZ = 4000;
const BAND_HZ = 2000;
const FALL_DB = 20;
/** The quietest that the band was before must be louder than anything after, but for this. */
const NEW_LOW_DB = 3;
/** This far below the loudest of the last moments it is gone, whatever rings on. */
const GONE_DB = 12;
/** The sound below must go on as it was. */
const STEADY_DB = 6;
/** A band with less than this had nothing to lose. */
const MIN_DB = -95;

/** The high frequencies of the sound go out at once and stay away: another bitrate, another path. */
export class BandwidthDrop implements SoundDetector {
  readonly #report: Report;
  readonly #spectrum = new PowerSpectrum(SIZE);
  readonly #power = new Float64Array(SIZE / 2);
  readonly #frames: { readonly position: number; readonly low: number; readonly bands: number[] }[] = [];
  #next = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  advance(sound: Sound): void {
    const step = Math.round((STEP_MS * sound.sampleRate) / 1000);
    this.#next = Math.max(this.#next, sound.firstPosition);
    for (; this.#next + SIZE <= sound.endPosition; this.#next += step) {
      this.#frames.push(this.#measure(sound, this.#next));
      if (this.#frames.length > 2 * SIDE) this.#frames.shift();
      if (this.#frames.length === 2 * SIDE) this.#judge(sound);
    }
  }

  #measure(sound: Sound, position: number): { position: number; low: number; bands: number[] } {
    const hzPerBin = sound.sampleRate / SIZE;
    const count = Math.max(0, Math.floor((Math.min(sound.sampleRate / 2, 20_000) - FROM_HZ) / BAND_HZ));
    const bands = new Array<number>(count).fill(0);
    let low = 0;
    // One channel stands for both: bandwidth is the encoder's.
    const power = this.#spectrum.of(sound.view(0, position, position + SIZE), this.#power);
    let bin = 2;
    for (; bin < SIZE / 2 && bin * hzPerBin < FROM_HZ; bin++) low += power[bin]!;
    for (let band = 0; band < count; band++) {
      const top = FROM_HZ + (band + 1) * BAND_HZ;
      let sum = 0;
      for (; bin < SIZE / 2 && bin * hzPerBin < top; bin++) sum += power[bin]!;
      bands[band] = sum;
    }
    return { position, low: decibels(low), bands: bands.map(decibels) };
  }

  #judge(sound: Sound): void {
    const before = this.#frames.slice(0, SIDE);
    const after = this.#frames.slice(SIDE);
    const [last, first] = [before.at(-1)!, after[0]!];
    // Cheap look first: the step must be here.
    const top = last.bands.length - 1;
    if (top < 1) return;
    let from = -1;
    for (let band = 0; band <= top; band++) {
      if (goesOut(before, after, band)) {
        from = band;
        break;
      }
    }
    if (from < 0) return;
    const low = (frames: typeof before): number => frames.reduce((sum, frame) => sum + frame.low, 0) / SIDE;
    if (Math.abs(low(after) - low(before)) > STEADY_DB) return;
    const position = this.#refine(sound, last.position, { to: first.position + SIZE, from });
    const place = sound.locate(position);
    const edge = FROM_HZ + from * BAND_HZ;
    this.#report({
      kind: 'bandwidth-drop',
      medium: 'audio',
      severity: edge <= 8000 ? 'major' : 'minor',
      reason: `everything above ${edge / 1000} kHz goes out: the sound turns dull`,
      timeMs: place.timeMs,
      durationMs: 0,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: { edgeHz: edge, fallDb: Math.round(average(before, from) - average(after, from)) },
      cause: 'a lower bitrate or sample rate upstream from here on',
    });
    this.#frames.length = 0;
  }

  /** Where the band's power falls, on a grid of 64 samples with short spectra. */
  #refine(sound: Sound, start: number, { to, from }: { to: number; from: number }): number {
    const short = new PowerSpectrum(256);
    const power = new Float64Array(128);
    const hzPerBin = sound.sampleRate / 256;
    const bins = [(FROM_HZ + from * BAND_HZ) / hzPerBin, (FROM_HZ + (from + 1) * BAND_HZ) / hzPerBin];
    const values: { at: number; db: number }[] = [];
    for (let at = start; at + 256 <= to + 256; at += 64) {
      short.of(sound.view(0, at, at + 256), power);
      let sum = 0;
      for (let bin = Math.ceil(bins[0]!); bin <= bins[1]!; bin++) sum += power[bin] ?? 0;
      values.push({ at: at + 128, db: decibels(sum) });
    }
    const highest = Math.max(...values.map(({ db }) => db));
    const lowest = Math.min(...values.map(({ db }) => db));
    // Codecs let a long block of it ring out.
    const bar = Math.max((highest + lowest) / 2, highest - GONE_DB);
    const last = values.findLast(({ db }) => db > bar);
    return (last?.at ?? start) + 32;
  }
}

/** Whether a band that was there again and again is gone, and quieter than it has been between. */
function goesOut(
  before: readonly { readonly bands: readonly number[] }[],
  after: readonly { readonly bands: readonly number[] }[],
  band: number,
): boolean {
  let highest = -Infinity;
  for (const { bands } of after) highest = Math.max(highest, bands[band]!);
  let lowest = Infinity;
  const recent = [-Infinity, -Infinity];
  for (let i = 0; i < SIDE; i++) {
    const value = before[i]!.bands[band]!;
    lowest = Math.min(lowest, value);
    const half = i < SIDE / 2 ? 0 : 1;
    recent[half] = Math.max(recent[half]!, value);
  }
  const recurring = Math.min(...recent);
  if (recurring <= MIN_DB || recurring - highest <= FALL_DB || highest >= lowest + NEW_LOW_DB) return false;
  // An impulse now and then has all bands for a moment: the band must have been there most of the time.
  return average(before, band) - average(after, band) > FALL_DB / 2;
}

function average(frames: readonly { readonly bands: readonly number[] }[], band: number): number {
  return frames.reduce((sum, { bands }) => sum + bands[band]!, 0) / frames.length;
}

/** Of a power of a transform of {@link SIZE}, against a full-scale sine. */
function decibels(power: number): number {
  return 10 * Math.log10(Math.max(power, 1e-12) / (SIZE / 4) ** 2);
}
