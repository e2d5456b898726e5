import type { Report, SoundDetector } from '../detector.js';
import { Jolts, type Jolt } from './jolts.js';
import { burg } from './burg.js';
import { extrapolate } from './prediction.js';
import { HOP, type Sound } from './sound.js';

const ORDER = 32;
const FIT_SAMPLES = 1024;
/** How much of the sound after a jolt the sound before it must predict to be called unbroken. */
const CONTINUES = 0.5;
const COMPARED = 40;
/** Samples around the jolt that it may have changed itself, as it is and smeared by the short blocks of a codec. */
const SKIRTS = [12, 128];

const REPEAT_MIN = 64;
const REPEAT_MAX = 4096;
const REPEAT_COMPARED = 512;
const REPEAT_MATCH = 0.93;
/** Less than this is no match, whatever rounding makes of it. */
const MAY_MATCH = 0.9;

/** Consonants make breaks of their own, of less residual than this (full scale 1) and not standing out more than this. */
const CONSONANT_SIZE = 0.015;
const CONSONANT_RATIO = 7;

/** More of them in a second are a texture: crackle, square waves, a machine. */
const TEXTURE_COUNT = 2;
/** So are more breaks of the sound's own that are nearly as large. */
const OWN_COUNT = 3;
const TEXTURE_MS = 1000;
/** An encoder codes its first blocks badly, whatever was recorded. */
const COLD_MS = 64;

interface Held {
  readonly jolt: Jolt;
  readonly tell: (isTexture: boolean) => void;
}

/**
 * `click`: a jolt after which the sound goes on as if nothing had been. `skip`: a jolt after which it does not: some of
 * it is missing. `repeat`: what follows the jolt has just been heard. Held back for a second: where many come together
 * they are texture, and info.
 */
export class Breaks implements SoundDetector {
  readonly #report: Report;
  readonly #jolts: Jolts;
  readonly #recent: number[] = [];
  #held: Held[] = [];

  constructor(report: Report) {
    this.#report = report;
    this.#jolts = new Jolts((jolt, sound) => this.#take(jolt, sound));
  }

  advance(sound: Sound): void {
    this.#jolts.advance(sound);
    this.#release(sound, sound.endPosition - (TEXTURE_MS * sound.sampleRate) / 1000);
  }

  end(sound: Sound): void {
    this.#release(sound, Infinity);
  }

  #release(sound: Sound, before: number): void {
    const span = (TEXTURE_MS * sound.sampleRate) / 1000;
    while (this.#held.length > 0 && this.#held[0]!.jolt.position < before) {
      const { jolt, tell } = this.#held.shift()!;
      const { position } = jolt;
      while (this.#recent.length > 0 && this.#recent[0]! < position - span) this.#recent.shift();
      const near = this.#recent.filter((other) => other < position + span).length;
      tell(near > TEXTURE_COUNT || this.#jolts.alike(sound, jolt, TEXTURE_MS) > OWN_COUNT);
    }
  }

  #take(jolt: Jolt, sound: Sound): void {
    if (sound.ms(jolt.position) < COLD_MS) return;
    this.#recent.push(jolt.position);
    if (this.#held.length > 1000) this.#held.shift();
    const { position } = jolt;
    const place = sound.locate(position);
    const base = {
      medium: 'audio' as const,
      timeMs: place.timeMs,
      unit: place.unit,
      byteOffset: place.byteOffset,
    };
    const measured = { ratio: round(jolt.ratio), residual: round(jolt.size) };
    const texture = {
      severity: 'info' as const,
      reason: 'one of many within a second: a texture of the sound, such as crackle, rather than a defect',
    };
    const isConsonant = jolt.size < CONSONANT_SIZE && jolt.ratio < CONSONANT_RATIO;
    const consonant = { severity: 'info' as const, reason: 'no more of a break than consonants are' };
    if (goesOn(sound, jolt)) {
      this.#hold(jolt, (isTexture) =>
        this.#report({
          ...base,
          kind: 'click',
          ...(isTexture
            ? texture
            : isConsonant
              ? consonant
              : jolt.ratio >= 6
                ? { severity: 'major', reason: 'a loud click, far above what is around it' }
                : { severity: 'minor', reason: 'a click that stands out of what is around it' }),
          durationMs: 0,
          measured,
          cause: 'a few wrong samples: an overrun buffer, a bad cable, a damaged block',
        }),
      );
      return;
    }
    const repeat = repeatedLength(sound, jolt);
    const isRepeat = repeat !== undefined;
    this.#hold(jolt, (isTexture) =>
      this.#report({
        ...base,
        kind: isRepeat ? 'repeat' : 'skip',
        ...(isTexture
          ? texture
          : isConsonant
            ? consonant
            : { severity: 'minor' as const, reason: 'the waveform breaks: heard as a tick or a stumble' }),
        durationMs: isRepeat ? sound.ms(repeat.length) : 0,
        measured: isRepeat
          ? { ...measured, repeatedSamples: repeat.length, match: round(repeat.match) }
          : measured,
        cause: isRepeat
          ? 'a buffer was played twice'
          : 'samples are missing or do not belong here: a lost buffer, or a cut',
      }),
    );
  }

  #hold(jolt: Jolt, tell: Held['tell']): void {
    this.#held.push({ jolt, tell });
  }
}

/** The louder channel around the jolt. */
function loudest(sound: Sound, position: number): number {
  const at = Math.floor(position / HOP) - sound.firstHop;
  const [left = 0, right = 0] = sound.measures.map(({ energy }) => energy[at] ?? 0);
  return right > left ? 1 : 0;
}

/** Whether the sound before predicts what follows, or only the jolt itself stands out. */
function goesOn(sound: Sound, { position }: Jolt): boolean {
  const channel = loudest(sound, position);
  if (SKIRTS.some((skirt) => predicts(sound, { channel, position, skirt }))) return true;
  // Sound that cannot be predicted: an impulse has more energy than what is around it, a cut has not.
  const { energy } = sound.measures[channel]!;
  const hop = Math.floor(position / HOP) - sound.firstHop;
  let around = 0;
  for (let i = 4; i < 12; i++) around = Math.max(around, energy[hop - i] ?? 0, energy[hop + i] ?? 0);
  return Math.max(energy[hop] ?? 0, energy[hop - 1] ?? 0, energy[hop + 1] ?? 0) > 2 * around;
}

function predicts(
  sound: Sound,
  {
    channel,
    position,
    skirt,
  }: { readonly channel: number; readonly position: number; readonly skirt: number },
): boolean {
  const before = sound.view(channel, position - skirt - FIT_SAMPLES, position - skirt);
  const after = sound.view(channel, position + skirt, position + skirt + COMPARED);
  if (before.length < FIT_SAMPLES || after.length < COMPARED) return false;
  // The filter that leaves the residual holds the predictor with its sign turned.
  const coefficients = burg(Float64Array.from(before), ORDER)
    .subarray(1)
    .map((value) => -value);
  const expected = extrapolate(before, coefficients, 2 * skirt + COMPARED).subarray(2 * skirt);
  let error = 0;
  let energy = 0;
  for (let i = 0; i < COMPARED; i++) {
    error += (after[i]! - expected[i]!) ** 2;
    energy += after[i]! ** 2;
  }
  return error < CONTINUES * energy;
}

/** The shortest lag at which what follows the jolt is what was before it. */
function repeatedLength(sound: Sound, { position }: Jolt): { length: number; match: number } | undefined {
  const channel = loudest(sound, position);
  // What was before the jolt, as much of it as is kept, and what follows.
  const heard = sound.view(channel, position - REPEAT_MAX, position + REPEAT_COMPARED);
  const at = heard.length - REPEAT_COMPARED;
  if (sound.endPosition < position + REPEAT_COMPARED || at < 0) return undefined;
  const energies = new Float64Array(heard.length + 1);
  for (let i = 0; i < heard.length; i++) energies[i + 1] = energies[i]! + heard[i]! * heard[i]!;
  let best: { length: number; match: number } | undefined;
  for (let lag = REPEAT_MIN; lag <= Math.min(REPEAT_MAX, at); lag++) {
    const compared = Math.min(lag, REPEAT_COMPARED);
    const before = energies[at - lag + compared]! - energies[at - lag]!;
    const after = energies[at + compared]! - energies[at]!;
    const dot = product(heard, at, lag, compared);
    // Most lags end here; sums that differ by rounding do not decide.
    if (dot < MAY_MATCH * Math.sqrt(before * after)) continue;
    const match = likeness(heard, at, lag, compared);
    if (match > REPEAT_MATCH && (best === undefined || match > best.match + 0.005))
      best = { length: lag, match };
  }
  return best;
}

/** Of what follows `at` with what was `lag` before it; four sums at once, since one would wait for itself. */
function product(heard: Float32Array, at: number, lag: number, count: number): number {
  let zero = 0;
  let one = 0;
  let two = 0;
  let three = 0;
  const end = at + count;
  let i = at;
  for (; i + 3 < end; i += 4) {
    zero += heard[i]! * heard[i - lag]!;
    one += heard[i + 1]! * heard[i + 1 - lag]!;
    two += heard[i + 2]! * heard[i + 2 - lag]!;
    three += heard[i + 3]! * heard[i + 3 - lag]!;
  }
  for (; i < end; i++) zero += heard[i]! * heard[i - lag]!;
  return zero + one + (two + three);
}

/** Normalised {@link product}. */
function likeness(heard: Float32Array, at: number, lag: number, count: number): number {
  let dot = 0;
  let one = 0;
  let two = 0;
  for (let i = at; i < at + count; i++) {
    const before = heard[i - lag]!;
    dot += before * heard[i]!;
    one += before * before;
    two += heard[i]! * heard[i]!;
  }
  return dot / Math.sqrt(one * two + 1e-20);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
