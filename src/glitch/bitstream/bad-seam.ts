import { WindowShape, type WindowInfo } from '../../codec/aac/channel-stream.js';
import { leftSlope, rightSlope, risingHalf } from '../../codec/aac/window.js';
import type { Report, SoundDetector } from '../detector.js';
import { FACTOR, type LowBand } from '../signal/low-band.js';
import { OverlapSide } from '../signal/overlap-side.js';
import { predictionErrors, predictor } from '../signal/prediction.js';
import { Phases } from '../signal/phases.js';
import { HOP, type Sound } from '../signal/sound.js';
import { Forest, type Features, type Watch } from '../signal/forest.js';
import { seamForest } from '../signal/forests.js';
import type { AacDetector, AacFrame } from './aac-frame.js';
import { BlockColours } from './block-colours.js';

const FRAME = 1024;
/** Of an overlap, in the low band. */
const OVERLAP = FRAME / FACTOR;
/** On either side, in the low band: 32 ms at 48 kHz. */
const CONTEXT = 1536 / FACTOR;
/** Where the other block's part of a sample is below this, as an amplitude, the sample belongs to one block alone. */
const CLEAN = 0.05;
/** Mean square of the overlap in the low band. */
const MIN_ENERGY = 1e-6;
/** Most overlaps end here: their blocks do not differ as their sides do. */
const LEAST = { evidence: 250, share: 0.45, betterDb: 1.5, blocksDb: 5.5 };
/** Of two voices or notes of nearly one colour there is less of it, but the waveform breaks. */
const LEAST_IF_ROUGH = { evidence: 80, share: 0.3, residualStepDb: 3 };
/** In samples. */
const BESIDE_GRID = [256, 512] as const;
/** The waveform is looked at where neither side expected it by so much. */
const ROUGH_SURPRISE_DB = 9;
const ROUGH_ORDER = 32;
const SURPRISE_OF_SILENCE_DB = 100;
/** A predictor is expected to leave this share of the power at least: finely coded tones leave less, until they are not. */
const LEAST_SHARES = [2e-3, 1e-5] as const;
/** Neither side is expected to be much easier to predict than the other: a break within its context makes one hard. */
const OTHER_SHARE = 0.7;
/** From these odds on an overlap is told: {@link Forest}; and from these on it is sure to be heard. */
const LEAST_LOG_ODDS = 1.5;
const LOUD_LOG_ODDS = 3;
/** Of evidence, where none was looked for, or none can be as much as {@link ENOUGH_NATS}. */
const NO_EVIDENCE = -200;
const ENOUGH_NATS = 10;
/** Of waveform and colours together. */
const SURE = { nats: 100, finelyNats: 150, powerShareDb: -4.8, betterDb: 8 };
const unknown = { nats: NO_EVIDENCE, finelyNats: NO_EVIDENCE, powerShareDb: 0 };

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
 * give it away: each block holds of the overlap what the sound on its own side lets expect, in its colour and, where it
 * can be predicted, in its waveform. Where both sides are of one colour and no waveform is expected (hiss), no splice can be
 * told.
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
  readonly #colours = new BlockColours();
  readonly #beside = new BlockColours();
  readonly #phases = new Phases(FRAME / 2);
  readonly #isSeam = new Forest(seamForest);
  readonly #watch: Watch | undefined;

  /** @param band may be shared: whoever comes first brings it up to date */
  constructor(report: Report, band: LowBand, watch?: Watch) {
    this.#report = report;
    this.#band = band;
    this.#watch = watch;
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
    const needed = Math.max(FRAME + CONTEXT * FACTOR, FRAME / 2 + this.#phases.lookahead);
    const known = this.#band.residual.endHop * HOP;
    while (this.#waiting.length > 0 && this.#waiting[0]!.position + needed <= known) {
      const { position, ...overlap } = this.#waiting.shift()!;
      this.#judge(overlap, position, sound);
    }
  }

  #judge({ frame, shape }: Overlap, position: number, sound: Sound): void {
    const [samples, mirrored] = [this.#samples, this.#mirrored];
    if (!this.#band.copy(position - CONTEXT * FACTOR, samples)) return;
    const power = energyOf(samples.subarray(CONTEXT, CONTEXT + OVERLAP)) / OVERLAP;
    if (power < MIN_ENERGY) return;
    const colours = this.#colours.measure(sound, position, shape);
    if (colours === undefined) return;
    const residualStepDb = this.#residualStepDb(position);
    const measured = { ...colours, residualStepDb };
    const isColoured = reaches(measured, LEAST);
    if (!isColoured && !reaches(measured, LEAST_IF_ROUGH)) return;
    mirrored.set(samples);
    mirrored.reverse();
    const surprises = [roughSurpriseDb(samples), roughSurpriseDb(mirrored)];
    if (!isColoured && Math.max(...surprises) < ROUGH_SURPRISE_DB) return;
    const features = {
      ...measured,
      ...this.#besideGrid(sound, position, shape),
      ...this.#phases.measure(sound, position + FRAME / 2),
      surpriseMostDb: Math.max(...surprises),
      surpriseLeastDb: Math.min(...surprises),
      ...(Math.max(...surprises) < ROUGH_SURPRISE_DB ? unknown : this.#inWaveform(shape, power)),
    };
    this.#watch?.look(position, features);
    const isSure = isSureSeam(features);
    const logOdds = this.#isSeam.logOdds(features);
    if (isSure || logOdds >= LEAST_LOG_ODDS) this.#tell(frame, { logOdds, isSure });
  }

  /** What is natural has as much of it where no blocks overlap. */
  #besideGrid(sound: Sound, position: number, shape: WindowShape): Features {
    const features: Record<string, number> = {};
    for (const apart of BESIDE_GRID) {
      const found = [-apart, apart].map((by) => this.#beside.measure(sound, position + by, shape));
      for (const name of ['share', 'evidence', 'betterDb'] as const)
        features[`${name}${apart}Beside`] = Math.max(...found.map((colours) => colours?.[name] ?? 0));
    }
    return features;
  }

  /** Of the overlap that is in hand. */
  #inWaveform(shape: WindowShape, power: number): typeof unknown {
    const { rising, clean } = slopes[shape]!;
    const side = (from: Float64Array, sign: 1 | -1): OverlapSide => {
      const context = from.subarray(0, CONTEXT);
      return new OverlapSide({ context, overlap: from.subarray(CONTEXT, -CONTEXT), rising, sign, clean });
    };
    const [left, right] = [side(this.#samples, 1), side(this.#mirrored, -1)];
    const [nats, finelyNats] = LEAST_SHARES.map((share) =>
      Math.max(NO_EVIDENCE, evidenceOf(left, right, share)),
    );
    return {
      nats: nats!,
      finelyNats: finelyNats!,
      powerShareDb: 10 * Math.log10((power + 1e-12) / (Math.max(left.power, right.power) + 1e-12)),
    };
  }

  /** By how much more a predictor that knows both sides leaves of the overlap than of the side that is calmer, in dB. */
  #residualStepDb(position: number): number {
    const { residual } = this.#band;
    const from = Math.floor(position / HOP);
    const to = from + FRAME / HOP;
    const reach = (CONTEXT * FACTOR) / HOP;
    const calm = Math.min(residual.meanPower(from - reach, from), residual.meanPower(to, to + reach));
    return 10 * Math.log10(residual.meanPower(from, to) / calm);
  }

  #tell({ event, timeMs }: AacFrame, { logOdds, isSure }: { logOdds: number; isSure: boolean }): void {
    this.#report({
      kind: 'bad-seam',
      medium: 'audio',
      severity: isSure || logOdds >= LOUD_LOG_ODDS ? 'major' : 'minor',
      reason: 'mirror images of two sounds are heard in the overlap: a warble or a tick of 10 to 20 ms',
      timeMs,
      durationMs: (FRAME * 1000) / event.unit.config.sampleRate,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { logOdds: Math.round(10 * logOdds) / 10 },
      cause:
        'frames that do not belong together were joined without a bridge, or frames between them were lost',
    });
  }
}

function reaches(features: Features, least: Features): boolean {
  return Object.entries(least).every(([name, value]) => features[name]! >= value);
}

/** Steady notes and voices that are joined: no set is needed to tell it. Where a gate shut, far less power is left. */
function isSureSeam({ nats, finelyNats, powerShareDb, betterDb }: Features): boolean {
  const isBroken = nats! >= SURE.nats || finelyNats! >= SURE.finelyNats;
  return isBroken && powerShareDb! >= SURE.powerShareDb && betterDb! >= SURE.betterDb;
}

/** By how many nats it is likelier that each block goes on from its own side than that the sound does. */
function evidenceOf(left: OverlapSide, right: OverlapSide, leastShare: number): number {
  const leftLeast = Math.max(leastShare, OTHER_SHARE * right.leftShare);
  const rightLeast = Math.max(leastShare, OTHER_SHARE * left.leftShare);
  const natural = likeliestChange(left.continued(leftLeast), right.continued(rightLeast));
  // What comes now takes most of the time: it is left out where blocks as expected would be far from enough.
  const most = right.foldedAsExpected(rightLeast) - natural;
  if (left.foldedAsExpected(leftLeast) + most < ENOUGH_NATS) return NO_EVIDENCE;
  const folded = left.folded(leftLeast);
  return folded + most < ENOUGH_NATS ? NO_EVIDENCE : folded + right.folded(rightLeast) - natural;
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
  if (coefficients === undefined) return SURPRISE_OF_SILENCE_DB;
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
