import { WindowShape, type WindowInfo } from '../../codec/aac/channel-stream.js';
import { leftSlope, rightSlope, risingHalf } from '../../codec/aac/window.js';
import type { Report, SoundDetector } from '../detector.js';
import { FACTOR, type LowBand } from '../signal/low-band.js';
import { OverlapSide } from '../signal/overlap-side.js';
import { predictionErrors, predictor } from '../signal/prediction.js';
import { HOP, type Sound } from '../signal/sound.js';
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
/** Most overlaps end here: 2 dB. Blind splices had 3 and more, most of them over 8. */
const MIN_RESIDUAL_STEP = 1.6;
/** And most others here: neither side finds much in it that it did not expect. */
const ROUGH_SURPRISE_DB = 9;
const ROUGH_ORDER = 32;
/**
 * By how much, in nats, it must be likelier that each block goes on from its own side than that the sound does, if a
 * predictor is expected to leave at least this share of the power. With the larger share, breaks and attacks reach 48 (one
 * in slices of glitch music has 81), and what blind splices of notes have is seldom below 60. Pure tones that are finely coded leave far less; there, what coarse
 * coding does to them reaches 133, and splices of tones have 190 and more.
 */
const CRITERIA = [
  { leastShare: 2e-3, minEvidence: 54 },
  { leastShare: 1e-5, minEvidence: 170 },
];
/** Neither side is expected to be much easier to predict than the other: a break within its context makes one hard. */
const OTHER_SHARE = 0.7;
const LOUD_EVIDENCE = 100;
/** What is blended has half of the power of either side. With far less a gate was shut, or a sound was over, before it. */
const MIN_SHARE = 0.33;

interface Overlap {
  readonly frame: AacFrame;
  readonly shape: WindowShape;
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
  return { rising, clean: rising.findIndex((value) => value > CLEAN) };
});

/**
 * `bad-seam`: blocks that may follow each other by the syntax and were not made of one sound, as where frames of one
 * encoder were joined blindly. The overlap then blends mirror images of both sounds, without any step. The mirror images
 * give it away: each block holds of the overlap what the sound on its own side lets expect, and the two together are no
 * sound that goes on from one side to the other. Of sounds that nothing is expected of (hiss) no splice can be told.
 */
export class BadSeam implements AacDetector, SoundDetector {
  readonly #report: Report;
  readonly #band: LowBand;
  /** The overlap that is judged with what is around it, in the low band; and the same from its end. */
  readonly #samples = new Float64Array(2 * CONTEXT + OVERLAP);
  readonly #mirrored = new Float64Array(2 * CONTEXT + OVERLAP);
  #last: { readonly window: WindowInfo | undefined; readonly index: number } | undefined;
  #fresh: Overlap | undefined;
  #waiting: (Overlap & { readonly position: number })[] = [];

  /** @param band may be shared: whoever comes first brings it up to date */
  constructor(report: Report, band: LowBand) {
    this.#report = report;
    this.#band = band;
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
    this.#fresh = { frame, shape: before.shape };
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
    const known = this.#band.residual.endHop * HOP;
    while (this.#waiting.length > 0 && this.#waiting[0]!.position + needed <= known) {
      const { position, ...overlap } = this.#waiting.shift()!;
      this.#judge(overlap, position);
    }
  }

  #judge({ frame, shape }: Overlap, position: number): void {
    const [samples, mirrored] = [this.#samples, this.#mirrored];
    if (!this.#band.copy(position - CONTEXT * FACTOR, samples)) return;
    const power = energyOf(samples.subarray(CONTEXT, CONTEXT + OVERLAP)) / OVERLAP;
    if (power < MIN_ENERGY || this.#goesOn(position)) return;
    mirrored.set(samples);
    mirrored.reverse();
    if (roughSurpriseDb(samples) < ROUGH_SURPRISE_DB && roughSurpriseDb(mirrored) < ROUGH_SURPRISE_DB) return;
    const { rising, clean } = slopes[shape]!;
    const side = (from: Float64Array, sign: 1 | -1): OverlapSide => {
      const context = from.subarray(0, CONTEXT);
      return new OverlapSide({ context, overlap: from.subarray(CONTEXT, -CONTEXT), rising, sign, clean });
    };
    const [left, right] = [side(samples, 1), side(mirrored, -1)];
    if (power < MIN_SHARE * Math.max(left.power, right.power)) return;
    for (const { leastShare, minEvidence } of CRITERIA) {
      const evidence = evidenceOf(left, right, { leastShare, minEvidence });
      if (evidence < minEvidence) continue;
      this.#tell(frame, evidence);
      return;
    }
  }

  /** Whether a predictor that knows both sides leaves hardly more of the overlap than of the side that is calmer. */
  #goesOn(position: number): boolean {
    const { residual } = this.#band;
    const from = Math.floor(position / HOP);
    const to = from + FRAME / HOP;
    const reach = (CONTEXT * FACTOR) / HOP;
    const calm = Math.min(residual.meanPower(from - reach, from), residual.meanPower(to, to + reach));
    return residual.meanPower(from, to) < MIN_RESIDUAL_STEP * calm;
  }

  #tell({ event, timeMs }: AacFrame, evidence: number): void {
    this.#report({
      kind: 'bad-seam',
      medium: 'audio',
      severity: evidence >= LOUD_EVIDENCE ? 'major' : 'minor',
      reason: 'mirror images of two sounds are heard in the overlap: a warble or a tick of 10 to 20 ms',
      timeMs,
      durationMs: (FRAME * 1000) / event.unit.config.sampleRate,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { evidenceNats: Math.round(evidence) },
      cause:
        'frames that do not belong together were joined without a bridge, or frames between them were lost',
    });
  }
}

function evidenceOf(
  left: OverlapSide,
  right: OverlapSide,
  { leastShare, minEvidence }: (typeof CRITERIA)[number],
): number {
  const leftLeast = Math.max(leastShare, OTHER_SHARE * right.leftShare);
  const rightLeast = Math.max(leastShare, OTHER_SHARE * left.leftShare);
  const natural = likeliestChange(left.continued(leftLeast), right.continued(rightLeast));
  // What comes now takes most of the time: it is left out where blocks as expected would be far from enough.
  const most = right.foldedAsExpected(rightLeast) - natural;
  if (left.foldedAsExpected(leftLeast) + most < minEvidence / 2) return -Infinity;
  const folded = left.folded(leftLeast);
  return folded + most < minEvidence / 2 ? -Infinity : folded + right.folded(rightLeast) - natural;
}

/**
 * That the overlap is sound as it comes: it goes on from the side before up to some moment, and from there to the side
 * after. A note or a pause may begin anywhere.
 */
function likeliestChange(before: Float64Array, after: Float64Array): number {
  const size = before.length - 1;
  return before.reduce((best, value, n) => Math.max(best, value + after[size - n]!), -Infinity);
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
