import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { FRAME } from './piece.js';

/** A frame of a source that may be passed through. Its arrays are only read. */
export interface SourceFrame {
  readonly data: Buffer;
  readonly windows: readonly WindowInfo[];
  /** Of the source's frame before it. */
  readonly windowsBefore: readonly WindowInfo[];
  /** What it decodes to after the source's frame before it, {@link FRAME} samples per channel. */
  readonly sound: readonly Float32Array[];
}

/** What a program is to sound like for the length of a frame. */
export interface LiveFrame {
  /** As it was mixed, {@link FRAME} samples per channel. */
  readonly mixed: readonly Float32Array[];
  /** The source's own frame for this time, where there is one on the program's grid. */
  readonly source?: SourceFrame | undefined;
  /** The source alone, as it is, is the program. */
  readonly isAlone: boolean;
}

interface HeldFrame {
  readonly frame: LiveFrame;
  readonly sound: readonly Float32Array[];
  /** The program plays the source alone here. */
  readonly relays: boolean;
  /** Not only at its end: all of the frame is the source's own sound. */
  readonly isOwn: boolean;
}

/** Frames remembered: what an encoder is primed with and a joint is judged by. */
const KEPT = 48;

/**
 * The sound of a live program, frame by frame: the source's own where it is alone, otherwise what was mixed, and from
 * one to the other a fade of one frame. It is what bridges are made from: where a frame is passed through, both sides
 * of a joint were made from the very same sound.
 */
export class LiveSound {
  readonly #channels: number;
  readonly #held = new Map<number, HeldFrame>();
  #end = 0;

  constructor(channels: number) {
    this.#channels = channels;
  }

  /** The number of the next frame; the first one is 0. */
  get end(): number {
    return this.#end;
  }

  push(frame: LiveFrame): void {
    const before = this.#held.get(this.#end - 1);
    const { source, mixed, isAlone } = frame;
    const relays = isAlone && source !== undefined;
    let sound = relays ? source.sound : mixed;
    if (source !== undefined && relays !== (before?.relays ?? relays)) {
      sound = relays ? fade(mixed, source.sound) : fade(source.sound, mixed);
    }
    const isOwn = relays && sound === source.sound;
    this.#held.set(this.#end, { frame, sound, relays, isOwn });
    this.#held.delete(this.#end - KEPT);
    this.#end++;
  }

  /** Silence before the first frame. */
  sound(index: number): readonly Float32Array[] {
    return this.#held.get(index)?.sound ?? this.#silence();
  }

  /** The source's frame, where all of the program's sound in its time is the source's own. */
  own(index: number): SourceFrame | undefined {
    const held = this.#held.get(index);
    return held?.isOwn === true ? held.frame.source : undefined;
  }

  /** Since which frame the program plays the source alone without a break, up to and with `index`. */
  aloneSince(index: number): number {
    let first = index;
    while (this.#held.get(first - 1)?.relays === true) first--;
    return first;
  }

  #silence(): Float32Array[] {
    return Array.from({ length: this.#channels }, () => new Float32Array(FRAME));
  }
}

/** Both carry the same source, so amplitudes are shared out, not powers: what is the same in both stays as it is. */
function fade(from: readonly Float32Array[], to: readonly Float32Array[]): Float32Array[] {
  return to.map((samples, channel) => {
    const before = from[channel]!;
    return samples.map((sample, i) => {
      const share = (i + 1) / (FRAME + 1);
      return before[i]! + (sample - before[i]!) * share;
    });
  });
}
