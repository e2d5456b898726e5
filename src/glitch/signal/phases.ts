import { SpectrumPair } from './fft.js';
import type { Features } from './forest.js';
import type { Sound } from './sound.js';
import { loudestPeaks } from './spectral-peaks.js';

const SIZE = 2048;
/** Of two spectra on one side, by whose phases frequencies are told. */
const APART = SIZE / 2;
/** The partials that are looked at. */
const HEARD = { first: 1, most: 16, quietestDb: -90, heardDb: 40 };
const [FROM_HZ, UP_TO_HZ] = [80, 5000];
/** One that goes on does so within this. */
const SAME_HZ = 12;
const SAME_DB = 10;

interface Partial {
  readonly hz: number;
  readonly db: number;
  /** At the middle of the spectrum that is next to the place, in radians. */
  readonly phase: number;
}

interface Coherence {
  /** 1 where all partials go on in phase, about 0 where chance decides; 0 where there are none. */
  readonly kept: number;
  /** Of the partials on one side, by power, how much goes on at all. */
  readonly share: number;
  readonly count: number;
}

/**
 * Whether partials go on in phase across a place. Where some of the sound is missing they do so no longer, although the
 * sound is the same on both sides; beside it they do.
 */
export class Phases {
  /** Samples on either side of a place that are left out, and up to which they are looked at. */
  readonly #gap: number;
  readonly #reach: number;
  readonly #spectra = new SpectrumPair(
    Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / SIZE)),
  );

  /** @param gap samples on either side of a place that may hold something of both */
  constructor(gap: number) {
    this.#gap = gap;
    this.#reach = gap + SIZE + APART;
  }

  /** Samples that {@link measure} needs after a place. */
  get lookahead(): number {
    return 2 * this.#reach + this.#gap;
  }

  /** By name, of a place and of what is beside it on either side; all 0 where too little sound is around. */
  measure(sound: Sound, position: number): Features {
    const here = this.#across(sound, position);
    // Where none of the place's own samples is in the way, phases run as they do by themselves.
    const away = this.#reach + this.#gap;
    const beside = [-away, away].map((by) => this.#across(sound, position + by)?.kept ?? 0);
    return {
      phaseKept: here?.kept ?? 0,
      phaseShare: here?.share ?? 0,
      phasePartials: here?.count ?? 0,
      phaseBesideMost: Math.max(...beside),
      phaseBesideLeast: Math.min(...beside),
    };
  }

  #across(sound: Sound, position: number): Coherence | undefined {
    const [gap, reach] = [this.#gap, this.#reach];
    if (position - reach < sound.firstPosition || position + reach > sound.endPosition) return undefined;
    const before = this.#partials(sound, position - gap - SIZE, -APART);
    const after = this.#partials(sound, position + gap, APART);
    const apartSeconds = (SIZE + 2 * gap) / sound.sampleRate;
    let [kept, weights, matched, all, count] = [0, 0, 0, 0, 0];
    for (const one of before) {
      const power = 10 ** (one.db / 10);
      all += power;
      const other = after.find(
        ({ hz, db }) => Math.abs(hz - one.hz) < SAME_HZ && Math.abs(db - one.db) < SAME_DB,
      );
      if (other === undefined) continue;
      const turns = ((one.hz + other.hz) / 2) * apartSeconds;
      const weight = Math.sqrt(power);
      kept += weight * Math.cos(other.phase - one.phase - 2 * Math.PI * turns);
      weights += weight;
      matched += power;
      count++;
    }
    return { kept: kept / (weights + 1e-12), share: matched / (all + 1e-12), count };
  }

  /** Of the spectrum that begins at `from`; the other one, `apart` away, tells frequencies. */
  #partials(sound: Sound, from: number, apart: number): Partial[] {
    const spectra = this.#spectra;
    spectra.transform(sound.sum(from, from + SIZE), sound.sum(from + apart, from + apart + SIZE));
    const hzPerBin = sound.sampleRate / SIZE;
    const [first, last] = [Math.ceil(FROM_HZ / hzPerBin), Math.floor(UP_TO_HZ / hzPerBin)];
    const levels = Array.from({ length: last + 2 - first }, (_, i) => spectra.level(0, first - 1 + i));
    return loudestPeaks(levels, HEARD).map((index) => {
      const [bin, db] = [first - 1 + index, levels[index]!];
      const [phase, farPhase] = [spectra.phase(0, bin), spectra.phase(1, bin)];
      const run = wrapped(Math.sign(apart) * (farPhase - phase) - (2 * Math.PI * bin * APART) / SIZE);
      const hz = bin * hzPerBin + (run / (2 * Math.PI)) * (sound.sampleRate / APART);
      // From the first sample of the spectrum to its middle.
      return { db, hz, phase: phase + Math.PI * bin };
    });
  }
}

function wrapped(phase: number): number {
  return phase - 2 * Math.PI * Math.round(phase / (2 * Math.PI));
}
