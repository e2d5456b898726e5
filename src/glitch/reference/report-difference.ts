import type { Report } from '../detector.js';
import type { Finding, Verdict } from '../finding.js';
import { excessNoise, holeInSound, lostOrInserted, silence } from '../severity.js';
import type { Sound } from '../signal/sound.js';
import { middle, power } from './align.js';
import { findBurst, findClick } from './burst.js';
import { FRAME } from './frame.js';
import { findHole } from './hole.js';
import type { Change } from './change.js';
import type { Line } from './line.js';
import { isSteady, type Stretch } from './stretch.js';

/** Bad frames in a row that one seam may leave: its overlap, in windows of two frames. */
const SEAM_FRAMES = 5;
/** −70 dB. */
const SILENT = 1e-7;
/** What two sounds alias is as loud as they are; a codec makes noise of less. */
const LEAST_SHARE = 0.2;
const OVER_USUAL = 1.5;
/** Codecs spread a click over no more frames than that. */
const CLICK_FRAMES = 6;
/** Over the codec's own noise. */
const CLICK_DB = 11;
/** A codec, and even another format, makes noise of more than this of the sound. */
const EXACT = 1e-5;
/** What stands out by so much is no noise of a codec, even if all of its window has it. */
const SMEARED_DB = 24;
/** Of codecs, the noise of soft hiss comes near the sound itself; two sounds that alias are louder than either. */
const ALIAS_SHARE = 1.1;
const ALIAS_DB = 6;
const LONGEST_GAP_MS = 200;
/** An encoder begins without a past, and with its bits shared out badly. */
const COLD_MS = 250;

/** Frames in a row that differ from the reference by more than the codec's own noise. */
export interface Episode {
  /** Position of the first one, and after the last one. */
  readonly from: number;
  end: number;
  /** Along which it was compared. */
  readonly line: Line;
  frames: number;
  /** Most of error against sound, in power, that one of its frames has. */
  errorShare: number;
  worst:
    | {
        readonly position: number;
        readonly noiseToMaskDb: number;
        /** Over the codec's own noise; undefined when it is within what that may be. */
        readonly excessDb: number | undefined;
        readonly channel: number;
      }
    | undefined;
  /** In one of them all bands differ by more than the codec's noise. */
  isWide: boolean;
  /** It went on until the codec was taken to do this sound so. */
  isSettled: boolean;
  /** It is the rest of one that was told. */
  readonly goesOn: boolean;
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

/** What is looked at to tell what something is: the stretch begins at `from`. */
interface Looked {
  readonly from: number;
  readonly stretch: Stretch;
}

export function reportEpisode(
  sound: Sound,
  report: Report,
  {
    episode,
    isClipped,
    usualShare,
    from,
    stretch,
  }: Looked & { readonly episode: Episode; readonly isClipped: boolean; readonly usualShare: number },
): void {
  const { worst, frames } = episode;
  if (worst === undefined || episode.goesOn) return;
  const measured = {
    ...(worst.excessDb !== undefined && { excessDb: round(worst.excessDb) }),
    noiseToMaskDb: round(worst.noiseToMaskDb),
    frames,
    channel: worst.channel + 1,
  };
  const hole = findHole(stretch);
  if (hole !== undefined) {
    const ms = sound.ms(hole.to - hole.from);
    const found = {
      ...placed(sound, from + hole.from),
      durationMs: ms,
      measured: { ...measured, lengthMs: round(ms) },
    };
    if (hole.channel !== undefined) {
      report({
        ...found,
        ...holeInSound(ms),
        kind: 'channel-dropout',
        measured: { ...found.measured, channel: hole.channel + 1 },
        cause: 'one channel is silent where the reference has sound',
      });
    } else {
      const isGap = ms < LONGEST_GAP_MS;
      report({
        ...found,
        ...(isGap ? holeInSound(ms) : silence(ms)),
        kind: isGap ? 'gap' : 'silence-run',
        cause: 'silence where the reference has sound',
      });
    }
    return;
  }
  if (isClipped) return;
  const verdict = excessNoise(worst.noiseToMaskDb, worst.excessDb);
  const isExact = usualShare < EXACT;
  const isMore = (worst.excessDb ?? 0) > CLICK_DB;
  const click = frames > CLICK_FRAMES ? undefined : findClick(stretch, { isMore, isExact });
  if (click !== undefined) {
    report({
      ...placed(sound, from + click.at),
      ...verdict,
      kind: 'click',
      durationMs: 0,
      measured: { ...measured, size: round(click.size) },
      cause: 'a few samples differ from the reference',
    });
    return;
  }
  const burst = worst.excessDb === undefined && !isExact ? undefined : findBurst(stretch);
  if (burst !== undefined) {
    report({
      ...placed(sound, from + burst.from),
      ...verdict,
      kind: 'noise-burst',
      durationMs: sound.ms(burst.to - burst.from),
      measured,
      cause: 'noise over or instead of the sound of the reference',
    });
    return;
  }
  const isShort = frames <= SEAM_FRAMES;
  const isAlias =
    isShort && episode.isWide && episode.errorShare > ALIAS_SHARE && worst.noiseToMaskDb > ALIAS_DB;
  if (worst.excessDb === undefined && !isAlias) return;
  if (episode.errorShare < Math.max(LEAST_SHARE, OVER_USUAL * usualShare)) {
    // A codec spreads a click over its windows; next to attacks its own noise is as large.
    if (
      !isShort ||
      (worst.excessDb ?? 0) < SMEARED_DB ||
      !isSteady(stretch, worst.position + FRAME / 2 - from)
    )
      return;
    report({
      ...placed(sound, worst.position + FRAME / 2),
      ...verdict,
      kind: 'click',
      durationMs: 0,
      measured,
      cause: 'a short error in sound that is steady: a few wrong samples',
    });
    return;
  }
  // Windows overlap: the worst of a few is where it lies.
  const where = placed(sound, isShort ? worst.position : episode.from);
  const isSeam = isShort && where.unit !== undefined;
  report({
    ...where,
    ...(ownNoise(sound, episode) ?? verdict),
    kind: isSeam ? 'bad-seam' : 'noise-burst',
    durationMs: sound.ms(isShort ? FRAME : frames * FRAME),
    measured,
    cause: isSeam
      ? 'frames of two encodings follow each other, and what they alias does not cancel'
      : 'the sound differs from the reference: noise, damage, or other material',
  });
}

/** Of what a codec does to a sound by itself. */
function ownNoise(sound: Sound, { from, isSettled }: Episode): Verdict | undefined {
  const isCold = sound.ms(from) < COLD_MS;
  if (isCold) return { severity: 'info', reason: 'an encoder codes its first blocks badly' };
  return isSettled
    ? { severity: 'info', reason: 'it stays so: what the codec makes of this sound' }
    : undefined;
}

export function reportChange(sound: Sound, report: Report, at: number, change: Change): void {
  const { kind, stepDb, beforeDb } = change;
  const isJump = kind === 'level-jump';
  report({
    ...placed(sound, at),
    severity: Math.abs(stepDb) >= 10 ? 'major' : 'minor',
    reason: isJump
      ? `the level changes by ${stepDb.toFixed(1)} dB and the reference's does not`
      : `${(-stepDb).toFixed(0)} dB of what the reference has above ${change.edgeHz} Hz are missing`,
    kind,
    durationMs: 0,
    measured: {
      stepDb: round(stepDb),
      againstReferenceDb: round(beforeDb),
      ...(!isJump && { edgeHz: change.edgeHz }),
    },
    cause: isJump ? 'a gain was changed on the way' : 'another encoder setting, rate or filter on the way',
  });
}

export function placed(
  sound: Sound,
  position: number,
): Pick<Finding, 'medium' | 'timeMs' | 'unit' | 'byteOffset' | 'isByReference'> {
  return { medium: 'audio', isByReference: true, ...sound.locate(position) };
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
