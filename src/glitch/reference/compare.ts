import { InvalidOptionError } from '../../base/errors.js';
import type { Report, SoundDetector } from '../detector.js';
import type { Sound } from '../signal/sound.js';
import { alignChunk, CHUNK, findNear, middle, mix, power } from './align.js';
import { Baseline } from './baseline.js';
import { LEAVES_NOTHING, shareLeft } from './correlate.js';
import type { Line } from './line.js';
import { FRAME, FrameErrors, SKIRT, type AverageErrors } from './frame-errors.js';
import { MASK_WINDOW } from './noise-to-mask.js';
import type { ReferenceSound } from './reference-sound.js';
import { reportExcess, reportJump, type Episode } from './report-difference.js';
import { switchPoint } from './switch-point.js';

/** What is looked for beyond a bad frame to see whether the capture goes on elsewhere in the reference. */
const PIECE = 4096;
const AHEAD = SKIRT + FRAME + PIECE;
/** Good frames that end an episode of bad ones. */
const CALM_FRAMES = 3;
/** Searched around the line at once, and after so many bad frames. */
const reaches = [
  { afterFrames: 1, reachSeconds: 0.1 },
  { afterFrames: 6, reachSeconds: 1 },
  { afterFrames: 40, reachSeconds: 10 },
] as const;
/** After so many the whole reference is searched, and again. */
const LOST_FRAMES = 300;
/** Another place must leave less than this of the error that the line leaves. */
const MUST_LEAVE = 0.3;
/** And no more than so many times what the codec leaves: half a note fits the other half quite well. */
const MAY_LEAVE = 4;
/** Smaller ones are drift. */
const LEAST_JUMP = 8;
const FIRST_TRY_SECONDS = 3;
const TRIES = 12;
const RETRY_SECONDS = 4;
const FOLLOW_TIME = 0.2;
const FOLLOW_DRIFT = 0.005;

/** What the comparison with a reference came to. */
export interface Comparison extends AverageErrors {
  /** Where the capture's first sample is in the reference; below 0 the capture begins earlier. */
  readonly offsetMs: number;
  /** Of the capture's clock against the reference's. */
  readonly driftPpm: number;
  readonly comparedMs: number;
  readonly lostSamples: number;
  readonly insertedSamples: number;
}

/** Compares decoded sound with a reference's, frame by frame, along a line that follows drift and jumps. */
export class Compare implements SoundDetector {
  readonly #reference: ReferenceSound;
  readonly #name: string;
  readonly #report: Report;
  readonly #baseline = new Baseline();
  readonly #errors: FrameErrors;
  #line: Line | undefined;
  #firstLine: { line: Line; position: number } | undefined;
  #tries = 0;
  #nextTry: number;
  #next = 0;
  #episode: Episode | undefined;
  #calm = 0;
  #lost = 0;
  #inserted = 0;

  /** @param name of the reference, for messages */
  constructor(reference: ReferenceSound, name: string, report: Report) {
    const { sampleRate } = reference.format;
    this.#reference = reference;
    this.#name = name;
    this.#report = report;
    this.#errors = new FrameErrors(reference.format);
    this.#nextTry = FIRST_TRY_SECONDS * sampleRate;
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
    return {
      offsetMs: start === undefined ? 0 : round((start.line.place(0) * 1000) / sampleRate),
      driftPpm: round((this.#line?.drift ?? 0) * 1e6),
      comparedMs: round((this.#errors.frames * FRAME * 1000) / sampleRate),
      ...this.#errors.averages,
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
    this.#errors.begin(sound, from, line.read(this.#reference, from, CHUNK));
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
    const references = line.read(this.#reference, position - SKIRT, MASK_WINDOW);
    const frame = this.#errors.measure(sound, position, references);
    const { noiseToMaskDb, channel } = frame;
    const excessDb = this.#baseline.excessDb(noiseToMaskDb);
    if (excessDb === undefined) {
      this.#baseline.add(frame);
      const late = this.#errors.follow(sound, position, references);
      if (late !== undefined) line.follow(position, FOLLOW_TIME * late, (FOLLOW_DRIFT * late) / FRAME);
      if (this.#episode !== undefined && ++this.#calm >= CALM_FRAMES) this.#close(sound);
      return;
    }
    this.#calm = 0;
    this.#episode ??= { from: position, frames: 0, worst: undefined };
    const episode = this.#episode;
    episode.frames++;
    if (noiseToMaskDb > (episode.worst?.noiseToMaskDb ?? -Infinity)) {
      episode.worst = { position, noiseToMaskDb, excessDb, channel };
    }
    this.#seek(sound, position, episode);
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
      found = anew && findNear(piece, this.#reference, anew.place(ahead), LEAST_JUMP);
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
    const left = shareLeft(found.score);
    if (left > MUST_LEAVE * shareLeft(likeness(piece, here))) return;
    if (left > MAY_LEAVE * this.#baseline.shareLeft + LEAVES_NOTHING) return;
    this.#jump(sound, position, found.at - expected);
  }

  #jump(sound: Sound, position: number, samples: number): void {
    const old = this.#line!;
    const fresh = old.shifted(samples);
    this.#line = fresh;
    if (Math.abs(samples) < LEAST_JUMP) return;
    const episode = this.#episode!;
    this.#episode = undefined;
    const from = Math.max(sound.firstPosition, episode.from - FRAME);
    const length = position + FRAME + SKIRT + PIECE - from;
    const heard = middle(sound, from, length);
    const { gain } = this.#errors;
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

/** Normalised correlation. */
function likeness(a: Float32Array, b: Float32Array): number {
  let product = 0;
  for (let i = 0; i < a.length; i++) product += a[i]! * b[i]!;
  return product / (a.length * Math.sqrt(power(a) * power(b)) + 1e-12);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
