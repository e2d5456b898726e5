import { InvalidOptionError } from '../../base/errors.js';
import type { Sound } from '../signal/sound.js';
import { alignChunk, CHUNK, loudestChunks, SHORT_CHUNK } from './align.js';
import type { Line } from './line.js';
import type { ReferenceSound } from './reference-sound.js';

const FIRST_TRY_SECONDS = 3;
const RETRY_SECONDS = 4;
const TRIES = 12;

/** Where a capture is in its reference: looked for once there are some seconds of it, and again while it is not found. */
export class FirstAlignment {
  readonly #reference: ReferenceSound;
  readonly #name: string;
  #tries = 0;
  #nextTry: number;

  /** @param name of the reference, for messages */
  constructor(reference: ReferenceSound, name: string) {
    this.#reference = reference;
    this.#name = name;
    this.#nextTry = FIRST_TRY_SECONDS * reference.format.sampleRate;
  }

  /**
   * @param isLast there will be no more of the capture
   * @returns the line, and the chunk of the capture by which it was found: its position and its length in samples
   * @throws InvalidOptionError when nothing of the capture is found in the reference, by all that may be heard of it
   */
  find(
    sound: Sound,
    isLast: boolean,
  ): { readonly line: Line; readonly from: number; readonly length: number } | undefined {
    if (sound.endPosition < this.#nextTry && !isLast) return undefined;
    this.#nextTry = sound.endPosition + RETRY_SECONDS * sound.sampleRate;
    this.#tries++;
    for (const isShort of [false, true]) {
      for (const from of loudestChunks(sound)) {
        const line = alignChunk(sound, from, this.#reference, { isShort });
        if (line !== undefined) return { line, from, length: isShort ? SHORT_CHUNK : CHUNK };
      }
    }
    if (this.#tries < TRIES && !isLast) return undefined;
    throw new InvalidOptionError(`--reference ${this.#name}: nothing of the capture's sound is found in it`, {
      hint: 'The reference must hold the same sound, before whatever the capture went through.',
    });
  }
}
