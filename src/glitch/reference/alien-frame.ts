import { audioTimeMs } from '../bitstream/aac-frame.js';
import type { AudioEvent } from '../capture/event.js';
import type { Report, StreamDetector } from '../detector.js';
import { Alike } from './alike.js';
import type { FrameHashes } from './frame-hashes.js';

/** Fewer frames of the reference before it say nothing: a silent frame is alike in many streams. */
const LEAST_COPIED = 20;

/** Frames of the capture that are not the reference's, byte for byte, where the others are. */
export class AlienFrame implements StreamDetector {
  readonly #hashes: FrameHashes;
  readonly #report: Report;
  #units = 0;
  #copied = 0;
  /** Index in the reference of the frame before. */
  #last = -1;
  /** Where frames follow each other as they do in the reference. */
  readonly copied = new Alike();
  #run: { first: AudioEvent; frames: number } | undefined;

  constructor(hashes: FrameHashes, report: Report) {
    this.#hashes = hashes;
    this.#report = report;
  }

  /** Share of the frames that are the reference's; 0 where the capture was encoded anew. */
  get copiedShare(): number {
    return this.#units === 0 ? 0 : this.#copied / this.#units;
  }

  audio(event: AudioEvent): void {
    if (this.#hashes.size === 0) return;
    this.#units++;
    const expected = this.#last + 1;
    const index = this.#hashes.indexOf(event.unit.data, expected);
    if (index !== undefined) this.#last = index;
    const fromMs = audioTimeMs(event);
    this.copied.add({ fromMs, toMs: fromMs + frameMs(event), isAlike: index === expected });
    if (index !== undefined) {
      this.#copied++;
      this.#tell();
    } else if (this.#run === undefined) this.#run = { first: event, frames: 1 };
    else this.#run.frames++;
  }

  end(): void {
    this.#tell();
  }

  #tell(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined || this.#copied < LEAST_COPIED) return;
    const { place } = run.first;
    this.#report({
      kind: 'alien-frame',
      medium: 'audio',
      severity: 'info',
      reason: 'legal by itself: what is heard of it is found in the sound',
      timeMs: audioTimeMs(run.first),
      durationMs: run.frames * frameMs(run.first),
      unit: place.index,
      byteOffset: place.byteOffset,
      measured: { frames: run.frames, copiedBefore: this.#copied },
      cause: 'frames of another encoding stand between frames of the reference: a join, or a bridge over one',
      isByReference: true,
    });
  }
}

function frameMs({ unit }: AudioEvent): number {
  return (unit.durationSamples * 1000) / unit.config.sampleRate;
}
