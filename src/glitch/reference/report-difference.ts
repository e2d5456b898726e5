import type { Report } from '../detector.js';
import type { Finding } from '../finding.js';
import { excessNoise, holeInSound, lostOrInserted } from '../severity.js';
import type { Sound } from '../signal/sound.js';
import { middle, power } from './align.js';

const FRAME = 1024;
/** Bad frames in a row that one seam may leave: its overlap, in windows of two frames. */
const SEAM_FRAMES = 5;
/** −70 dB. */
const SILENT = 1e-7;

/** Frames in a row that differ from the reference by more than the codec's own noise. */
export interface Episode {
  /** Position of the first one. */
  readonly from: number;
  frames: number;
  worst:
    | {
        readonly position: number;
        readonly noiseToMaskDb: number;
        readonly excessDb: number;
        readonly channel: number;
      }
    | undefined;
}

export interface Jump {
  /** Positions in the capture, as of a switch point. */
  readonly leaves: number;
  readonly arrives: number;
  /** Of the reference that are left out; below 0 so many are in the capture that are not in the reference. */
  readonly samples: number;
}

export function reportJump(sound: Sound, report: Report, { leaves, arrives, samples }: Jump): void {
  const where = placed(sound, leaves);
  const between = arrives - leaves;
  const isHole = between > 0 && power(middle(sound, leaves, between)) < SILENT;
  const level = power(middle(sound, Math.max(sound.firstPosition, leaves - FRAME / 2), FRAME));
  const lengthMs = sound.ms(Math.abs(samples));
  const measured = {
    ...(samples > 0 ? { lostSamples: samples } : { insertedSamples: -samples }),
    ...(between > 0 && { replacedSamples: between }),
    atSample: leaves,
  };
  if (isHole) {
    const ms = sound.ms(between);
    const cause = 'silence was put in where the reference has sound, and what follows is shifted';
    report({ ...where, ...holeInSound(ms), kind: 'gap', durationMs: ms, measured, cause });
    return;
  }
  report({
    ...where,
    ...lostOrInserted(lengthMs, level > SILENT),
    kind: samples > 0 ? 'skip' : 'repeat',
    durationMs: samples > 0 ? sound.ms(between) : Math.max(lengthMs, sound.ms(between)),
    measured,
    cause:
      samples > 0
        ? 'sound of the reference is left out: frames lost, or cut out at a join'
        : 'sound was put in that the reference does not have there: a piece heard twice, or priming at a join',
  });
}

export function reportExcess(sound: Sound, report: Report, episode: Episode): void {
  const { worst, frames } = episode;
  if (worst === undefined) return;
  const isShort = frames <= SEAM_FRAMES;
  // Windows overlap: the worst of a few is where it lies.
  const from = isShort ? worst.position : episode.from;
  const length = isShort ? FRAME : frames * FRAME;
  const where = placed(sound, from);
  const durationMs = sound.ms(length);
  const measured = {
    excessDb: round(worst.excessDb),
    noiseToMaskDb: round(worst.noiseToMaskDb),
    frames,
    channel: worst.channel + 1,
  };
  const isHole = power(middle(sound, from, Math.min(length, 2 * sound.sampleRate))) < SILENT;
  if (isHole) {
    const cause = 'silence where the reference has sound';
    report({ ...where, ...holeInSound(durationMs), kind: 'gap', durationMs, measured, cause });
    return;
  }
  const isSeam = isShort && where.unit !== undefined;
  report({
    ...where,
    ...excessNoise(worst.noiseToMaskDb, worst.excessDb),
    kind: isSeam ? 'bad-seam' : 'noise-burst',
    durationMs,
    measured,
    cause: isSeam
      ? 'frames of two encodings follow each other, and what they alias does not cancel'
      : 'the sound differs from the reference: noise, damage, or other material',
  });
}

function placed(
  sound: Sound,
  position: number,
): Pick<Finding, 'medium' | 'timeMs' | 'unit' | 'byteOffset' | 'isByReference'> {
  return { medium: 'audio', isByReference: true, ...sound.locate(position) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
