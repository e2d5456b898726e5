import type { Report, SoundDetector } from '../detector.js';
import type { Verdict } from '../finding.js';
import { measureDrop, PAST } from './drop-features.js';
import { PowerSpectrum } from './fft.js';
import { Forest, type Watch } from './forest.js';
import { bandwidthForest } from './forests.js';
import { mean } from './levels.js';
import { HOP, type Sound } from './sound.js';
import {
  BAND_HZ,
  edgeFrom,
  firstNote,
  FROM_HZ,
  hasRungOut,
  SIDE,
  vanishedBand,
  type BandFrame,
} from './vanished-band.js';

const SIZE = 1024;
/** Power of a full-scale sine. */
const FULL_SCALE = (SIZE / 4) ** 2;
/** Spectra are taken this far apart. */
const STEP_MS = 40;
/** This far below the loudest of the last moments it is gone, whatever rings on. */
const GONE_DB = 12;
/** Of what lies above it, little is heard in speech and music; without what lies above this, any sound is dull. */
const HARDLY_HEARD_HZ = 12_000;
const DULL_HZ = 8000;
/** From these odds on highs that go out are told: {@link Forest}. */
const LEAST_LOG_ODDS = 1;

/**
 * The high frequencies of the sound go out at once and stay away: another bitrate, another path. A forest that has learned
 * it from labelled sets tells it from cymbals and consonants that rest.
 */
export class BandwidthDrop implements SoundDetector {
  readonly #report: Report;
  readonly #watch: Watch | undefined;
  readonly #isDrop = new Forest(bandwidthForest);
  readonly #spectrum = new PowerSpectrum(SIZE);
  readonly #power = new Float64Array(SIZE / 2);
  readonly #frames: BandFrame[] = [];
  #next = 0;
  /** What goes out above this band, up to this position, goes with what was told last. */
  #told = { band: 0, until: 0 };

  constructor(report: Report, watch?: Watch) {
    this.#report = report;
    this.#watch = watch;
  }

  advance(sound: Sound): void {
    const step = Math.round((STEP_MS * sound.sampleRate) / 1000);
    this.#next = Math.max(this.#next, sound.firstPosition);
    for (; this.#next + SIZE <= sound.endPosition; this.#next += step) {
      this.#frames.push(this.#measure(sound, this.#next));
      if (this.#frames.length > PAST + 2 * SIDE) this.#frames.shift();
      if (this.#frames.length >= 2 * SIDE) this.#judge(sound);
    }
  }

  #measure(sound: Sound, position: number): BandFrame {
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
    return { position, low: decibels(low), bands: bands.map(decibels), power: new Float32Array(power) };
  }

  #judge(sound: Sound): void {
    const frames = this.#frames.slice(-2 * SIDE);
    const band = vanishedBand(frames);
    if (band === undefined) return;
    const past = this.#frames.slice(0, -2 * SIDE);
    const features = measureDrop({ frames, past, band, hzPerBin: sound.sampleRate / SIZE });
    const position = this.#placeOf(sound, frames, band);
    this.#watch?.look(position, features);
    const isTold = position < this.#told.until && band >= this.#told.band;
    if (isTold || this.#isDrop.logOdds(features) < LEAST_LOG_ODDS) return;
    this.#told = { band, until: frames.at(-1)!.position };
    const place = sound.locate(position);
    const edge = FROM_HZ + band * BAND_HZ;
    this.#report({
      kind: 'bandwidth-drop',
      medium: 'audio',
      ...verdictOn(edge),
      timeMs: place.timeMs,
      durationMs: 0,
      unit: place.unit,
      byteOffset: place.byteOffset,
      measured: {
        edgeHz: edge,
        fallDb: Math.round(features['fallDb']!),
      },
      cause: 'a lower bitrate or sample rate upstream from here on',
    });
  }

  #placeOf(sound: Sound, frames: readonly BandFrame[], band: number): number {
    if (hasRungOut(frames, band)) return nextNote(sound, frames.slice(SIDE));
    const start = edgeFrom(frames, band).position;
    return this.#refine(sound, start, { to: frames[SIDE]!.position + SIZE, band });
  }

  /** Where the band's power falls, on a grid of 64 samples with short spectra. */
  #refine(sound: Sound, start: number, { to, band }: { to: number; band: number }): number {
    const short = new PowerSpectrum(256);
    const power = new Float64Array(128);
    const hzPerBin = sound.sampleRate / 256;
    const bins = [(FROM_HZ + band * BAND_HZ) / hzPerBin, (FROM_HZ + (band + 1) * BAND_HZ) / hzPerBin];
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

function verdictOn(edgeHz: number): Verdict {
  const what = `everything above ${edgeHz / 1000} kHz goes out`;
  if (edgeHz >= HARDLY_HEARD_HZ)
    return { severity: 'info', reason: `${what}: hardly heard, and encoders do so in soft sound` };
  return { severity: edgeHz <= DULL_HZ ? 'major' : 'minor', reason: `${what}: the sound turns dull` };
}

/** Where the sound below sets in first: from there on something is missed. */
function nextNote(sound: Sound, after: readonly BandFrame[]): number {
  const at = firstNote(after);
  if (at < 0) return after[0]!.position + SIZE / 2;
  const from = Math.ceil((after[at - 1]!.position + SIZE / 2) / HOP);
  const reach = sound.hops(10);
  let best = from;
  let most = 0;
  for (let hop = from; hop * HOP < after[at]!.position + SIZE; hop++) {
    const rise = mean(sound, 0, hop, hop + reach) / (mean(sound, 0, hop - reach, hop - 1) + 1e-12);
    if (rise > most) [most, best] = [rise, hop];
  }
  return best * HOP;
}

/** Of a power of a transform of {@link SIZE}, against a full-scale sine. */
function decibels(power: number): number {
  return 10 * Math.log10(Math.max(power, 1e-12) / FULL_SCALE);
}
