import type { GlitchKind, Verdict } from '../finding.js';
import type { Report, SoundDetector } from '../detector.js';
import { LOOKAHEAD, proveBreak, type BreakProof } from './break-proof.js';
import type { LowBand } from './low-band.js';
import type { Line } from './residual.js';
import type { Sound } from './sound.js';
import { StandOuts, type StandOut } from './stand-outs.js';

/** Of a break that stands out less, little is heard; it is told where the sound repeats itself exactly. */
const FAINT_DB = 4;
/** A click that stands out so far is heard by anyone. */
const LOUD_DB = 15.5;
/** Against the level of the sound; what is softer is hardly heard beside it unless its lows break, too. */
const SOFT_DB = -12;
/** More of them in a second are a texture: crackle, square waves, a machine. */
const TEXTURE_COUNT = 2;
/** So are sharp places that are no proven breaks, of this share of one's residual. */
const SHARP_DB = 8;
const TEXTURE_SHARE = 0.4;
const TEXTURE_MS = 1000;
/** An encoder codes its first blocks badly, whatever was recorded. */
const COLD_MS = 64;

interface Held {
  readonly found: StandOut;
  readonly tell: (isTexture: boolean) => void;
}

/**
 * `click`: a break after which the sound goes on as if nothing had been. `skip`: a break after which it does not: some of
 * it is missing. `repeat`: what follows has just been heard. Held back for a second: where many come together they are
 * texture, and info.
 */
export class Breaks implements SoundDetector {
  readonly #report: Report;
  readonly #low: LowBand;
  readonly #standOuts: StandOuts;
  #line: Line | undefined;
  readonly #recent: { readonly found: StandOut; readonly isBreak: boolean }[] = [];
  #held: Held[] = [];

  /** @param low may be shared: whoever comes first brings it up to date */
  constructor(report: Report, low: LowBand) {
    this.#report = report;
    this.#low = low;
    this.#standOuts = new StandOuts(low);
  }

  advance(sound: Sound): void {
    const line = (this.#line ??= lineOf(sound));
    const low = this.#low;
    low.advance(sound);
    this.#standOuts.advance(sound, line, {
      lookahead: LOOKAHEAD,
      take: (found) => {
        const proof = proveBreak(found, { line, low });
        this.#recent.push({ found, isBreak: proof !== undefined });
        if (proof !== undefined) this.#take(found, proof, sound);
        return proof !== undefined;
      },
    });
    const span = (TEXTURE_MS * sound.sampleRate) / 1000;
    this.#release(sound, sound.endPosition - span);
    const old = sound.endPosition - 3 * span;
    while (this.#recent.length > 0 && this.#recent[0]!.found.position < old) this.#recent.shift();
  }

  end(sound: Sound): void {
    this.#release(sound, Infinity);
  }

  #release(sound: Sound, before: number): void {
    const span = (TEXTURE_MS * sound.sampleRate) / 1000;
    while (this.#held.length > 0 && this.#held[0]!.found.position < before) {
      const { found, tell } = this.#held.shift()!;
      const { position } = found;
      const near = this.#recent.filter(
        (other) =>
          Math.abs(other.found.position - position) < span &&
          (other.isBreak ||
            (other.found.ratioDb >= SHARP_DB && other.found.size >= TEXTURE_SHARE * found.size)),
      ).length;
      tell(near > TEXTURE_COUNT);
    }
  }

  #take(found: StandOut, proof: BreakProof, sound: Sound): void {
    const { position, ratioDb, lowRatioDb, size } = found;
    if (sound.ms(position) < COLD_MS) return;
    if (this.#held.length > 1000) this.#held.shift();
    const standsOutDb = Math.max(ratioDb, lowRatioDb);
    const { timeMs, unit, byteOffset } = sound.locate(position);
    const { kind, cause } = names[proof.goes];
    const { repeat } = proof;
    this.#held.push({
      found,
      tell: (isTexture) =>
        this.#report({
          kind,
          medium: 'audio',
          timeMs,
          unit,
          byteOffset,
          ...(isTexture ? texture : verdictOn(kind, found)),
          durationMs: repeat === undefined ? 0 : sound.ms(repeat.length),
          measured: {
            standsOutDb: round(standsOutDb),
            residual: round(size),
            ...(repeat === undefined ? {} : { repeatedSamples: repeat.length, match: round(repeat.match) }),
          },
          cause,
        }),
    });
  }
}

const names = {
  on: { kind: 'click', cause: 'a few wrong samples: an overrun buffer, a bad cable, a damaged block' },
  again: { kind: 'repeat', cause: 'a buffer was played twice' },
  elsewhere: {
    kind: 'skip',
    cause: 'samples are missing or do not belong here: a lost buffer, or a cut',
  },
} as const;

const texture: Verdict = {
  severity: 'info',
  reason: 'one of many within a second: a texture of the sound, such as crackle, rather than a defect',
};

function verdictOn(kind: GlitchKind, { ratioDb, lowRatioDb, shareDb }: StandOut): Verdict {
  if (Math.max(ratioDb, lowRatioDb) < FAINT_DB)
    return { severity: 'info', reason: 'hardly more of a break than the sound around it has by itself' };
  if (lowRatioDb < FAINT_DB && shareDb < SOFT_DB)
    return { severity: 'info', reason: 'a tick far softer than the sound around it, in its highs alone' };
  if (kind !== 'click')
    return { severity: 'minor', reason: 'the waveform breaks: heard as a tick or a stumble' };
  return ratioDb >= LOUD_DB && shareDb >= SOFT_DB
    ? { severity: 'major', reason: 'a loud click, far above what is around it' }
    : { severity: 'minor', reason: 'a click that stands out of what is around it' };
}

/** The sum of the channels. */
function lineOf(sound: Sound): Line {
  return {
    get first() {
      return sound.firstPosition;
    },
    get end() {
      return sound.endPosition;
    },
    samples: (from, to) => sound.sum(from, to),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
