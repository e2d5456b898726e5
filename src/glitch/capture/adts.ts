import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { parseAdtsFrame, type ParsedAdtsFrame } from '../../container/adts/adts.js';
import { sameConfig, type AacConfig } from '../../media/access-unit.js';
import type { CaptureEvent } from './event.js';

const FRAME_SAMPLES = 1024;

/** ADTS bytes → audio events without stamps; what is no frame becomes damage. */
export class AdtsEvents {
  #rest: Buffer = Buffer.alloc(0);
  #base = 0;
  #index = 0;
  #config: AacConfig | undefined;
  #lost: { at: number; message: string } | undefined;

  get pendingBytes(): number {
    return this.#rest.length;
  }

  /** Where the pending bytes begin. */
  get byteOffset(): number {
    return this.#base;
  }

  /** @throws UnsupportedMediaError as {@link parseAdtsFrame} when the very first frame is of such a kind */
  *push(chunk: Buffer): Generator<CaptureEvent> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    while (offset < bytes.length) {
      let frame: ParsedAdtsFrame | undefined;
      try {
        frame = parseAdtsFrame(bytes, offset);
      } catch (error) {
        if (error instanceof UnsupportedMediaError && this.#index === 0) throw error;
        if (!(error instanceof MalformedMediaError) && !(error instanceof UnsupportedMediaError)) throw error;
        this.#lost ??= { at: this.#base + offset, message: error.message };
        const next = bytes.indexOf(0xff, offset + 1);
        offset = next === -1 ? bytes.length : next;
        continue;
      }
      if (frame === undefined) break;
      yield* this.#damage(this.#base + offset);
      yield this.#event(frame, this.#base + offset);
      offset += frame.byteLength;
    }
    this.#base += offset;
    this.#rest = Buffer.from(bytes.subarray(offset));
  }

  /** What was being skipped when the input ended. */
  *end(): Generator<CaptureEvent> {
    yield* this.#damage(this.#base);
  }

  *#damage(until: number): Generator<CaptureEvent> {
    if (this.#lost === undefined) return;
    const { at, message } = this.#lost;
    this.#lost = undefined;
    yield {
      type: 'damage',
      medium: 'audio',
      place: { index: this.#index, byteOffset: at },
      bytes: until - at,
      message,
      fatal: false,
    };
  }

  #event(frame: ParsedAdtsFrame, byteOffset: number): CaptureEvent {
    if (this.#config === undefined || !sameConfig(this.#config, frame.config)) this.#config = frame.config;
    const index = this.#index++;
    return {
      type: 'audio',
      place: { index, byteOffset },
      stamp: undefined,
      unit: {
        kind: 'audio',
        config: this.#config,
        pts: index * FRAME_SAMPLES,
        durationSamples: FRAME_SAMPLES,
        data: frame.data,
      },
    };
  }
}
