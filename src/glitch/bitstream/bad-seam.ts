import { WindowSequence, WindowShape, type WindowInfo } from '../../codec/aac/channel-stream.js';
import { leftSlope, rightSlope, risingHalf } from '../../codec/aac/window.js';
import type { Report, SoundDetector } from '../detector.js';
import { fitSide, type SideFit } from '../signal/alias-fit.js';
import { FACTOR, LowBand } from '../signal/low-band.js';
import { predictionErrors, predictor } from '../signal/prediction.js';
import type { Sound } from '../signal/sound.js';
import type { AacDetector, AacFrame } from './aac-frame.js';

const FRAME = 1024;
/** Of an overlap, in the low band. */
const OVERLAP = FRAME / FACTOR;
/** On either side, in the low band: 32 ms at 48 kHz. */
const CONTEXT = 1536 / FACTOR;
/** Where the other block's part of a sample is below this, as an amplitude, the sample belongs to one block alone. */
const CLEAN = 0.05;
/** Mean square of the overlap in the low band. */
const MIN_ENERGY = 1e-6;
/** Most overlaps end here: neither side finds much in it that it did not expect. */
const MIN_SURPRISE_DB = 8;
const ROUGH_SURPRISE_DB = 4;
const ROUGH_ORDER = 32;
/**
 * Both sides know better: of sounds that can be predicted, such as notes and vowels. Coarse coding of tones alone (libav at
 * 64 kb/s) reaches 7 dB on one side, or 26 on both together.
 */
const BOTH_DB = 7;
const BOTH_SUM_DB = 26;
/** One side knows much better, as where the other is silence or hiss. Gated sound reaches 32.2. */
const ONE_DB = 33;
/** A cut has no width; what a blind splice blends has at least this share of the overlap. */
const MIN_WIDTH = 0.2;
/** A side that has become quieter than this before the overlap was shut by a gate. */
const MIN_CALM_DB = -10;
const LOUD_SUM_DB = 24;

interface Overlap {
  readonly frame: AacFrame;
  readonly shape: WindowShape;
  /** No attack is coded near it. */
  readonly isCalm: boolean;
}

/** Long slopes in the low band; mirrored values keep the sum of their squares. */
const slopes = [WindowShape.sine, WindowShape.kbd].map((shape) => {
  const half = risingHalf('long', shape, FRAME);
  const mean = (j: number): number =>
    half.subarray(j * FACTOR, (j + 1) * FACTOR).reduce((sum, value) => sum + value, 0);
  const rising = Float64Array.from(
    { length: OVERLAP },
    (_, j) => mean(j) / Math.hypot(mean(j), mean(OVERLAP - 1 - j)),
  );
  return {
    rising,
    fading: rising.slice().reverse(),
    clean: rising.findIndex((value) => value > CLEAN),
  };
});

/**
 * `bad-seam`: blocks that may follow each other by the syntax and were not made of one sound, as where frames of one
 * encoder were joined blindly. The overlap then blends mirror images of both sounds, without any step. The mirror images
 * give it away: with them undone, the sound before goes on as it was, which no natural change of sound does.
 */
export class BadSeam implements AacDetector, SoundDetector {
  readonly #report: Report;
  readonly #band = new LowBand();
  /** The overlap that is judged with what is around it, in the low band; and the same from its end. */
  readonly #samples = new Float64Array(2 * CONTEXT + OVERLAP);
  readonly #mirrored = new Float64Array(2 * CONTEXT + OVERLAP);
  #last: { readonly window: WindowInfo | undefined; readonly index: number } | undefined;
  #fresh: Overlap | undefined;
  #waiting: (Overlap & { readonly position: number })[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  frame(frame: AacFrame): void {
    const { block, event } = frame;
    const last = this.#last;
    const after = block?.elements[0]?.channels[0]?.window;
    this.#last = { window: after, index: event.place.index };
    this.#fresh = undefined;
    const before = last?.window;
    if (before === undefined || after === undefined || last?.index !== event.place.index - 1) return;
    if (rightSlope(before.sequence) !== 'long' || leftSlope(after.sequence) !== 'long') return;
    if (event.unit.durationSamples !== FRAME) return;
    const { onlyLong } = WindowSequence;
    const isCalm = before.sequence === onlyLong && after.sequence === onlyLong;
    this.#fresh = { frame, shape: before.shape, isCalm };
  }

  advance(sound: Sound): void {
    const fresh = this.#fresh;
    this.#fresh = undefined;
    // Sound that comes of no frames has no seams.
    if (this.#last === undefined) return;
    this.#band.advance(sound);
    if (fresh !== undefined && sound.sampleRate === fresh.frame.event.unit.config.sampleRate) {
      // What a decoder puts out for a block is the overlap with the block before.
      this.#waiting.push({ ...fresh, position: sound.endPosition - FRAME });
    }
    const needed = FRAME + CONTEXT * FACTOR;
    while (this.#waiting.length > 0 && this.#waiting[0]!.position + needed <= this.#band.endPosition) {
      const { position, ...overlap } = this.#waiting.shift()!;
      this.#judge(overlap, position);
    }
  }

  #judge({ frame, shape, isCalm }: Overlap, position: number): void {
    const [samples, mirrored] = [this.#samples, this.#mirrored];
    if (!this.#band.copy(position - CONTEXT * FACTOR, samples)) return;
    const overlap = samples.subarray(CONTEXT, CONTEXT + OVERLAP);
    if (energyOf(overlap) < MIN_ENERGY * OVERLAP) return;
    mirrored.set(samples);
    mirrored.reverse();
    if (roughSurpriseDb(samples) < ROUGH_SURPRISE_DB && roughSurpriseDb(mirrored) < ROUGH_SURPRISE_DB) return;
    const { rising, fading, clean } = slopes[shape]!;
    const fit = (from: Float64Array, sign: 1 | -1): SideFit => {
      const context = from.subarray(0, CONTEXT);
      return fitSide(
        { context, overlap: from.subarray(CONTEXT, CONTEXT + OVERLAP), rising, fading, sign },
        clean,
      );
    };
    const left = fit(samples, 1);
    const right = fit(mirrored, -1);
    if (Math.max(left.surpriseDb, right.surpriseDb) < MIN_SURPRISE_DB) return;
    const width = 1 - left.leavesAt - right.leavesAt;
    const mayBeOne =
      isCalm && width >= MIN_WIDTH && Math.min(left.surpriseDb, right.surpriseDb) > MIN_CALM_DB;
    const leftDb = left.gainDb();
    // A gain takes far longer than all before it: the second is left out where the first has settled it.
    if (leftDb < BOTH_DB && !mayBeOne) return;
    const gains = [leftDb, right.gainDb()] as const;
    const both = Math.min(...gains) >= BOTH_DB && gains[0] + gains[1] >= BOTH_SUM_DB;
    const one = mayBeOne && Math.max(...gains) >= ONE_DB;
    if (both || one) this.#tell(frame, gains);
  }

  #tell({ event, timeMs }: AacFrame, [before, after]: readonly [number, number]): void {
    this.#report({
      kind: 'bad-seam',
      medium: 'audio',
      severity: before + after >= LOUD_SUM_DB ? 'major' : 'minor',
      reason: 'mirror images of two sounds are heard in the overlap: a warble or a tick of 10 to 20 ms',
      timeMs,
      durationMs: (FRAME * 1000) / event.unit.config.sampleRate,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { explainedBeforeDb: round(before), explainedAfterDb: round(after) },
      cause:
        'frames that do not belong together were joined without a bridge, or frames between them were lost',
    });
  }
}

const usualErrors = new Float64Array(CONTEXT - ROUGH_ORDER);
const overlapErrors = new Float64Array(OVERLAP);

/** Residual of the overlap over that of the context, by a predictor that is quickly made. */
function roughSurpriseDb(samples: Float64Array): number {
  const coefficients = predictor(samples.subarray(0, CONTEXT), ROUGH_ORDER);
  if (coefficients === undefined) return Infinity;
  predictionErrors(samples, ROUGH_ORDER, coefficients, usualErrors);
  predictionErrors(samples, CONTEXT, coefficients, overlapErrors);
  const usual = energyOf(usualErrors) / usualErrors.length;
  return 10 * Math.log10((energyOf(overlapErrors) / OVERLAP + 1e-12) / (usual + 1e-12));
}

function energyOf(samples: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!;
  return sum;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
