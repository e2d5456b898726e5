import { WindowSequence } from '../../codec/aac/channel-stream.js';
import type { Report } from '../detector.js';
import type { AacDetector, AacFrame } from './aac-frame.js';

/** Habits are taken over this many frames on either side, about 0.7 s. */
const WINDOW = 32;
const NOISE = 13;

/** Habits of an encoder that show in one frame. */
interface Habits {
  readonly at: AacFrame;
  /** Highest coded band of long blocks; undefined in short ones. */
  readonly maxSfb: number | undefined;
  readonly fill: number;
  readonly midSide: number;
  readonly noise: number;
  readonly tns: number;
  readonly commonWindow: number;
}

/**
 * The fingerprint of an encoder: the tools that it uses in each of many frames. A change of it is legal and, by itself,
 * inaudible; it tells where two encodings meet.
 */
export class EncoderChange implements AacDetector {
  readonly #report: Report;
  readonly #frames: Habits[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  frame(frame: AacFrame): void {
    const habits = habitsOf(frame);
    // Silence has no habits.
    if (habits === undefined) return;
    this.#frames.push(habits);
    if (this.#frames.length < 2 * WINDOW) return;
    const differences = this.#differences();
    if (differences.length === 0) {
      this.#frames.shift();
      return;
    }
    const { event, timeMs } = this.#frames[WINDOW]!.at;
    this.#report({
      kind: 'encoder-change',
      medium: 'audio',
      severity: 'info',
      reason: 'legal and inaudible by itself: it tells where two encodings meet',
      timeMs,
      durationMs: 0,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { habits: differences.join('; ') },
      cause: 'another encoder, or one with other settings, made what follows',
    });
    this.#frames.splice(0, WINDOW);
  }

  /** What all frames before and all after the middle do differently. */
  #differences(): string[] {
    const frames = this.#frames;
    const found: string[] = [];
    const flip = (name: string, read: (frame: Habits) => number): void => {
      const first = read(frames[0]!);
      const last = read(frames.at(-1)!);
      // Most frames end here.
      if (first === last) return;
      if (!frames.every((frame, index) => read(frame) === (index < WINDOW ? first : last))) return;
      found.push(first === 0 ? `${name}: from never to always` : `${name}: from always to never`);
    };
    flip('fill elements', ({ fill }) => fill);
    flip('mid/side', ({ midSide }) => midSide);
    flip('noise substitution', ({ noise }) => noise);
    flip('temporal noise shaping', ({ tns }) => tns);
    flip('common windows', ({ commonWindow }) => commonWindow);
    const [low, high] = [bandsOf(frames, 0, WINDOW), bandsOf(frames, WINDOW, frames.length)];
    if (low.frames >= WINDOW / 2 && high.frames >= WINDOW / 2) {
      // Some encoders always code the same bands, some leave out empty ones: their ranges must be apart.
      if (low.most + 1 < high.least || high.most + 1 < low.least) {
        found.push(`coded bands: from ${low.least}–${low.most} to ${high.least}–${high.most}`);
      }
    }
    return found;
  }
}

/** The range of coded bands in the long blocks of frames [from, to), and how many of these there are. */
function bandsOf(
  frames: readonly Habits[],
  from: number,
  to: number,
): { readonly frames: number; readonly least: number; readonly most: number } {
  let count = 0;
  let least = Infinity;
  let most = -Infinity;
  for (let i = from; i < to; i++) {
    const { maxSfb } = frames[i]!;
    if (maxSfb === undefined) continue;
    count++;
    if (maxSfb < least) least = maxSfb;
    if (maxSfb > most) most = maxSfb;
  }
  return { frames: count, least, most };
}

function habitsOf(frame: AacFrame): Habits | undefined {
  const { block } = frame;
  const first = block?.elements[0]?.channels[0];
  if (block === undefined || first === undefined) return undefined;
  let hasSound = false;
  let hasNoise = false;
  let hasTns = false;
  for (const { channels } of block.elements) {
    for (const channel of channels) {
      hasTns ||= channel.hasTns;
      for (const group of channel.codebooks) {
        for (const book of group) {
          hasSound ||= book !== 0;
          hasNoise ||= book === NOISE;
        }
      }
    }
  }
  if (!hasSound) return undefined;
  const some = (is: boolean): number => (is ? 1 : 0);
  const { window } = first;
  return {
    at: frame,
    maxSfb: window.sequence === WindowSequence.eightShort ? undefined : window.maxSfb,
    fill: some(block.sideElements.includes('fill')),
    midSide: some(block.elements.some(({ midSide }) => midSide > 0)),
    noise: some(hasNoise),
    tns: some(hasTns),
    commonWindow: some(block.elements.every(({ commonWindow }) => commonWindow)),
  };
}
