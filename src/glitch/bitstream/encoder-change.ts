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
    const differences = this.#mayDiffer() ? this.#differences() : [];
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

  /** Most frames end here: what all frames before do differently from all after, the first and the last do. */
  #mayDiffer(): boolean {
    const [first, last] = [this.#frames[0]!, this.#frames.at(-1)!];
    return (
      first.fill !== last.fill ||
      first.midSide !== last.midSide ||
      first.noise !== last.noise ||
      first.tns !== last.tns ||
      first.commonWindow !== last.commonWindow ||
      first.maxSfb === undefined ||
      last.maxSfb === undefined ||
      Math.abs(first.maxSfb - last.maxSfb) > 1
    );
  }

  /** What all frames before and all after the middle do differently. */
  #differences(): string[] {
    const before = this.#frames.slice(0, WINDOW);
    const after = this.#frames.slice(WINDOW);
    const found: string[] = [];
    const flip = (name: string, read: (frame: Habits) => number): void => {
      const [a, b] = [before, after].map((frames) => frames.map(read));
      const always = (values: number[] | undefined, value: number): boolean =>
        values?.every((one) => one === value) === true;
      if (always(a, 0) && always(b, 1)) found.push(`${name}: from never to always`);
      if (always(a, 1) && always(b, 0)) found.push(`${name}: from always to never`);
    };
    flip('fill elements', ({ fill }) => fill);
    flip('mid/side', ({ midSide }) => midSide);
    flip('noise substitution', ({ noise }) => noise);
    flip('temporal noise shaping', ({ tns }) => tns);
    flip('common windows', ({ commonWindow }) => commonWindow);
    const bands = [before, after].map((frames) => frames.flatMap(({ maxSfb }) => maxSfb ?? []));
    const [low, high] = bands as [number[], number[]];
    if (low.length >= WINDOW / 2 && high.length >= WINDOW / 2) {
      // Some encoders always code the same bands, some leave out empty ones: their ranges must be apart.
      const isApart = Math.max(...low) + 1 < Math.min(...high) || Math.max(...high) + 1 < Math.min(...low);
      if (isApart) found.push(`coded bands: from ${range(low)} to ${range(high)}`);
    }
    return found;
  }
}

function range(values: readonly number[]): string {
  return `${Math.min(...values)}–${Math.max(...values)}`;
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
