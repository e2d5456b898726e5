import { InvalidOptionError } from '../../base/errors.js';
import type { Report, SoundDetector } from '../detector.js';
import type { Sound } from '../signal/sound.js';
import { alignChunk, CHUNK, findNear, middle, mix, power } from './align.js';
import { Baseline } from './baseline.js';
import type { Line } from './line.js';
import { MASK_WINDOW, NoiseToMask } from './noise-to-mask.js';
import type { ReferenceSound } from './reference-sound.js';
import { reportExcess, reportJump, type Episode } from './report-difference.js';
import { switchPoint } from './switch-point.js';

/** Compared at once: the grid of AAC frames, as sound is decoded from the first of them on. */
const FRAME = 1024;
const SKIRT = (MASK_WINDOW - FRAME) / 2;
/** What is looked for beyond a bad frame to see whether the capture goes on elsewhere in the reference. */
const PIECE = 4096;
const AHEAD = SKIRT + FRAME + PIECE;
/** Good frames that end an episode of bad ones. */
const CALM_FRAMES = 3;
/** Searched around the line at once, and after so many bad frames. */
const reaches = [
  { afterFrames: 1, reachSeconds: 0.05 },
  { afterFrames: 6, reachSeconds: 1 },
  { afterFrames: 40, reachSeconds: 10 },
] as const;
/** After so many the whole reference is searched, and again. */
const LOST_FRAMES = 300;
/** Another place must leave less than this of the error that the line leaves. */
const MUST_LEAVE = 0.3;
/** Smaller ones are drift. */
const LEAST_JUMP = 8;
const FIRST_TRY_SECONDS = 3;
const TRIES = 12;
const RETRY_SECONDS = 4;
const FOLLOW_TIME = 0.2;
const FOLLOW_DRIFT = 0.005;

/** What the comparison with a reference came to. */
export interface Comparison {
  /** Where the capture's first sample is in the reference; below 0 the capture begins earlier. */
  readonly offsetMs: number;
  /** Of the capture's clock against the reference's. */
  readonly driftPpm: number;
  readonly comparedMs: number;
  /** Per channel, over all frames: level, error below the signal, and noise over mask (see NoiseToMask). */
  readonly gainDb: readonly number[];
  readonly errorDb: readonly number[];
  readonly noiseToMaskDb: readonly number[];
  readonly lostSamples: number;
  readonly insertedSamples: number;
}

/** Compares decoded sound with a reference's, frame by frame, along a line that follows drift and jumps. */
export class Compare implements SoundDetector {
  readonly #reference: ReferenceSound;
  readonly #name: string;
  readonly #report: Report;
  readonly #model: NoiseToMask;
  readonly #baseline = new Baseline();
  readonly #sums: { gain: number; signal: number; error: number; ratio: number }[];
  #line: Line | undefined;
  #firstLine: { line: Line; position: number } | undefined;
  #tries = 0;
  #nextTry: number;
  #next = 0;
  #frames = 0;
  #episode: Episode | undefined;
  #calm = 0;
  #lost = 0;
  #inserted = 0;

  /** @param name of the reference, for messages */
  constructor(reference: ReferenceSound, name: string, report: Report) {
    const { sampleRate, channels } = reference.format;
    this.#reference = reference;
    this.#name = name;
    this.#report = report;
    this.#model = new NoiseToMask(sampleRate);
    this.#nextTry = FIRST_TRY_SECONDS * sampleRate;
    this.#sums = Array.from({ length: channels }, () => ({ gain: 1, signal: 0, error: 0, ratio: 0 }));
  }

  /** @throws InvalidOptionError when nothing of the capture is found in the reference */
  advance(sound: Sound): void {
    if (this.#line === undefined && !this.#align(sound)) return;
    while (this.#next + AHEAD <= sound.endPosition) this.#frame(sound);
  }

  /** @throws as {@link advance} */
  end(sound: Sound): void {
    if (this.#line === undefined) {
      this.#nextTry = 0;
      this.#tries = TRIES - 1;
      if (!this.#align(sound)) return;
    }
    while (this.#next + FRAME + SKIRT <= sound.endPosition) this.#frame(sound);
    this.#close(sound);
  }

  get comparison(): Comparison {
    const { sampleRate } = this.#reference.format;
    const start = this.#firstLine;
    const db = (ratio: number): number => round(10 * Math.log10(Math.max(1e-12, ratio)));
    return {
      offsetMs: start === undefined ? 0 : round((start.line.place(0) * 1000) / sampleRate),
      driftPpm: round((this.#line?.drift ?? 0) * 1e6),
      comparedMs: round((this.#frames * FRAME * 1000) / sampleRate),
      gainDb: this.#sums.map(({ gain }) => db(gain ** 2)),
      errorDb: this.#sums.map(({ error, signal }) => db(error / Math.max(1e-12, signal))),
      noiseToMaskDb: this.#sums.map(({ ratio }) => db(ratio / Math.max(1, this.#frames))),
      lostSamples: this.#lost,
      insertedSamples: this.#inserted,
    };
  }

  #align(sound: Sound): boolean {
    if (sound.endPosition < this.#nextTry) return false;
    this.#nextTry = sound.endPosition + RETRY_SECONDS * sound.sampleRate;
    this.#tries++;
    const from = loudest(sound);
    const line = alignChunk(sound, from, this.#reference);
    if (line === undefined) {
      if (this.#tries < TRIES) return false;
      throw new InvalidOptionError(
        `--reference ${this.#name}: nothing of the capture's sound is found in it`,
        { hint: 'The reference must hold the same sound, before whatever the capture went through.' },
      );
    }
    this.#line = line;
    this.#firstLine = { line: line.shifted(0), position: from };
    this.#next = Math.max(this.#next, Math.ceil(sound.firstPosition / FRAME) * FRAME);
    return true;
  }

  #frame(sound: Sound): void {
    const position = this.#next;
    this.#next += FRAME;
    const line = this.#line!;
    const place = line.place(position);
    if (place < SKIRT || place + FRAME + SKIRT > this.#reference.samples) {
      this.#close(sound);
      return;
    }
    const from = position - SKIRT;
    const references = line.read(this.#reference, from, MASK_WINDOW);
    this.#frames++;
    let worst = { ratio: 0, channel: 0 };
    references.forEach((reference, channel) => {
      const sums = this.#sums[channel]!;
      const heard = windowed(sound, channel, from);
      const error = heard.map((x, i) => x - sums.gain * reference[i]!);
      const scaled = reference.map((x) => sums.gain * x);
      const ratio = this.#model.ratio(scaled, error);
      if (ratio > worst.ratio) worst = { ratio, channel };
      sums.ratio += ratio;
      for (let i = SKIRT; i < SKIRT + FRAME; i++) {
        sums.signal += scaled[i]! ** 2;
        sums.error += error[i]! ** 2;
      }
    });
    const noiseToMaskDb = 10 * Math.log10(Math.max(1e-6, worst.ratio));
    const excessDb = this.#baseline.excessDb(noiseToMaskDb);
    if (excessDb === undefined) {
      this.#baseline.add(noiseToMaskDb);
      this.#follow(sound, position, references);
      if (this.#episode !== undefined && ++this.#calm >= CALM_FRAMES) this.#close(sound);
      return;
    }
    this.#calm = 0;
    this.#episode ??= { from: position, frames: 0, worst: undefined };
    const episode = this.#episode;
    episode.frames++;
    if (noiseToMaskDb > (episode.worst?.noiseToMaskDb ?? -Infinity)) {
      episode.worst = { position, noiseToMaskDb, excessDb, channel: worst.channel };
    }
    this.#seek(sound, position, episode);
  }

  /** Gain and clock change slowly: each good frame tells a little of them. */
  #follow(sound: Sound, position: number, references: readonly Float32Array[]): void {
    let [top, bottom] = [0, 0];
    references.forEach((reference, channel) => {
      const sums = this.#sums[channel]!;
      const heard = sound.view(channel, position, position + FRAME);
      let [products, squares] = [0, 0];
      for (let i = 0; i < heard.length; i++) {
        const r = reference[SKIRT + i]!;
        products += heard[i]! * r;
        squares += r * r;
        const slope = (reference[SKIRT + i + 1]! - reference[SKIRT + i - 1]!) / 2;
        top += (heard[i]! - sums.gain * r) * sums.gain * slope;
        bottom += (sums.gain * slope) ** 2;
      }
      if (squares > 1e-4) sums.gain += 0.02 * Math.max(-0.5, Math.min(0.5, products / squares - sums.gain));
    });
    if (bottom < 1e-4) return;
    const lag = Math.max(-0.5, Math.min(0.5, top / bottom));
    this.#line!.follow(position, FOLLOW_TIME * lag, (FOLLOW_DRIFT * lag) / FRAME);
  }

  /** Whether the capture goes on elsewhere in the reference from here. */
  #seek(sound: Sound, position: number, episode: Episode): void {
    const line = this.#line!;
    const ahead = position + FRAME + SKIRT;
    const piece = middle(sound, ahead, PIECE);
    if (piece.length < PIECE || power(piece) < 1e-7) return;
    const expected = line.place(ahead);
    let found: { readonly at: number; readonly score: number } | undefined;
    if (episode.frames % LOST_FRAMES === 0) {
      const anew = alignChunk(sound, sound.endPosition - CHUNK, this.#reference);
      found = anew && { at: anew.place(ahead), score: 1 };
    } else {
      const reach = reaches.findLast(
        ({ afterFrames }) => episode.frames >= afterFrames && episode.frames % afterFrames === 0,
      );
      if (reach === undefined) return;
      const samples = Math.round(reach.reachSeconds * sound.sampleRate);
      found = findNear(piece, this.#reference, expected, samples);
    }
    if (found === undefined) return;
    const here = mix(line.read(this.#reference, ahead, PIECE));
    const left = (score: number): number => 1 - Math.max(0, score) ** 2;
    if (left(found.score) > MUST_LEAVE * left(likeness(piece, here))) return;
    this.#jump(sound, position, found.at - expected);
  }

  #jump(sound: Sound, position: number, samples: number): void {
    const old = this.#line!;
    const fresh = old.shifted(samples);
    this.#line = fresh;
    const episode = this.#episode!;
    this.#episode = undefined;
    if (Math.abs(samples) < LEAST_JUMP) return;
    const from = Math.max(sound.firstPosition, episode.from - FRAME);
    const length = position + FRAME + SKIRT + PIECE - from;
    const heard = middle(sound, from, length);
    const gain = this.#sums.reduce((sum, one) => sum + one.gain, 0) / this.#sums.length;
    const errors = [old, fresh].map((line) => {
      const reference = mix(line.read(this.#reference, from, length));
      return heard.map((x, i) => (x - gain * reference[i]!) ** 2);
    });
    const { leaves, arrives } = switchPoint(errors[0]!, errors[1]!, 0.5 * power(heard));
    const whole = Math.round(samples);
    if (whole > 0) this.#lost += whole;
    else this.#inserted -= whole;
    reportJump(sound, this.#report, { leaves: from + leaves, arrives: from + arrives, samples: whole });
  }

  /** The bad frames are over, and the capture goes on along its line. */
  #close(sound: Sound): void {
    const episode = this.#episode;
    this.#episode = undefined;
    this.#calm = 0;
    if (episode !== undefined) reportExcess(sound, this.#report, episode);
  }
}

/** Where the loudest of the last chunks begins. */
function loudest(sound: Sound): number {
  const last = Math.max(sound.firstPosition, sound.endPosition - CHUNK);
  let best = { from: last, power: 0 };
  for (let from = sound.firstPosition; from <= last; from += CHUNK / 4) {
    const loudness =
      power(sound.view(0, from, from + CHUNK)) + power(sound.view(1 % sound.channels, from, from + CHUNK));
    if (loudness > best.power) best = { from, power: loudness };
  }
  return best.from;
}

/** {@link MASK_WINDOW} samples; 0 before the first and after the last one. */
function windowed(sound: Sound, channel: number, from: number): Float32Array {
  const samples = new Float32Array(MASK_WINDOW);
  const first = Math.max(from, sound.firstPosition);
  samples.set(sound.view(channel, first, from + MASK_WINDOW), first - from);
  return samples;
}

/** Normalised correlation. */
function likeness(a: Float32Array, b: Float32Array): number {
  let product = 0;
  for (let i = 0; i < a.length; i++) product += a[i]! * b[i]!;
  return product / (a.length * Math.sqrt(power(a) * power(b)) + 1e-12);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
