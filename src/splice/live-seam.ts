import type { AacConfig } from '../media/access-unit.js';
import type { JointKind } from './bridge.js';
import type { BridgeEncoder } from './frame-encoder.js';
import { jointNoise, JUDGED_FRAMES } from './joint-noise.js';
import type { LiveSound } from './live-sound.js';

/** A place where an encoder's frames and the source's own meet. */
export interface LiveSeam {
  /** What goes on after it. */
  readonly to: 'source' | 'encoder';
  readonly joint: JointKind;
  /** Frames beside it that were encoded although the source was alone. */
  readonly bridgedFrames: number;
  /** Error at the joint over that of an encode without one, in dB: see {@link jointNoise}. */
  readonly excessDb: number;
}

interface Pending extends Omit<LiveSeam, 'excessDb'> {
  /** The first frame after it. */
  readonly first: number;
}

export interface SeamWatchOptions {
  readonly sound: LiveSound;
  readonly delayFrames: number;
  readonly open: () => BridgeEncoder;
  readonly onSeam: ((seam: LiveSeam) => void) | undefined;
}

/** Units remembered: those around a joint, for longer than it takes until it can be judged. */
const KEPT = 24;

/** Judges each joint as soon as what it is judged by is there. */
export class SeamWatch {
  readonly #options: SeamWatchOptions;
  readonly #units = new Map<number, Buffer>();
  #pending: Pending[] = [];

  constructor(options: SeamWatchOptions) {
    this.#options = options;
  }

  /** A unit that was put out. */
  note(index: number, data: Buffer): void {
    this.#units.set(index, data);
    this.#units.delete(index - KEPT);
  }

  add(seam: Pending): void {
    if (this.#options.onSeam !== undefined) this.#pending.push(seam);
  }

  /** @param next the first frame not put out yet */
  look(next: number, config: AacConfig | undefined): void {
    const { sound, delayFrames } = this.#options;
    const [seam] = this.#pending;
    if (seam === undefined || config === undefined) return;
    const judgedTo = seam.first + JUDGED_FRAMES;
    if (next < judgedTo || sound.end < judgedTo + delayFrames) return;
    this.#pending.shift();
    const { first, ...told } = seam;
    const excessDb = jointNoise(first, {
      config,
      open: this.#options.open,
      unit: (index) => this.#units.get(index),
      sound: (index) => sound.sound(index),
    });
    this.#options.onSeam?.({ ...told, excessDb });
  }
}
