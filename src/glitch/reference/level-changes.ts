import type { Report } from '../detector.js';
import type { Sound } from '../signal/sound.js';
import { FRAME } from './frame.js';
import type { ChannelLevels, FrameErrors } from './frame-errors.js';
import { changePlace, Lasting, SEARCHED, type Change } from './lasting.js';
import { reportChange } from './report-difference.js';
import type { Stretch } from './stretch.js';

/** Changes of level or bandwidth of any channel: finds where they begin, and reports each once. */
export class LevelChanges {
  readonly #report: Report;
  readonly #lasting: readonly Lasting[];
  #told: { readonly kind: Change['kind']; readonly at: number } | undefined;

  constructor(channels: number, report: Report) {
    this.#report = report;
    this.#lasting = Array.from({ length: channels }, () => new Lasting());
  }

  /** Frames from here on were compared with the wrong place of the reference. */
  forget(from: number): void {
    for (const lasting of this.#lasting) lasting.forget(from);
  }

  /**
   * Takes the levels of a frame, one entry per channel.
   *
   * @param options.errors are told of a gain that has changed for good
   * @param options.stretch reads so much of the capture and of the reference at its own level
   * @returns positions from which on a change holds that came to light by this frame, and whether any was of the level
   */
  watch(
    sound: Sound,
    { position, levels }: { readonly position: number; readonly levels: readonly ChannelLevels[] },
    options: {
      readonly errors: FrameErrors;
      readonly stretch: (from: number, length: number) => Stretch;
    },
  ): { readonly places: readonly number[]; readonly isTurned: boolean } {
    const places: number[] = [];
    let isTurned = false;
    for (const [channel, lasting] of this.#lasting.entries()) {
      const change = lasting.add({ position, ...levels[channel]! });
      if (change === undefined) continue;
      const from = change.position - SEARCHED * FRAME;
      const { heard, reference, sampleRate } = options.stretch(from, 2 * SEARCHED * FRAME);
      const one = { sampleRate, heard: [heard[channel]!], reference: [reference[channel]!] };
      const at = from + changePlace(one, change);
      if (change.kind === 'level-jump') {
        options.errors.turn(channel, change.stepDb);
        isTurned = true;
      }
      places.push(at);
      // Both channels change together, as a rule.
      const isTold = this.#told?.kind === change.kind && at < this.#told.at + SEARCHED * FRAME;
      if (!isTold) reportChange(sound, this.#report, at, change);
      this.#told = { kind: change.kind, at };
    }
    return { places, isTurned };
  }
}
