import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { parseAsc, type AscInfo } from '../../codec/aac/asc.js';
import { parseRawDataBlock, type RawDataBlock } from '../../codec/aac/raw-data-block.js';
import type { AudioConfig } from '../../media/access-unit.js';
import type { AudioEvent } from '../capture/event.js';

/** An audio unit with what its bits say. */
export interface AacFrame {
  readonly event: AudioEvent;
  /** Undefined when the unit is damaged. */
  readonly block: RawDataBlock | undefined;
  /** What is wrong with it. */
  readonly damage: string | undefined;
  /** In the capture's own clock; frames without stamps follow each other from 0. */
  readonly timeMs: number;
}

/** Looks at parsed AAC-LC frames. */
export interface AacDetector {
  frame(frame: AacFrame): void;
  end?(): void;
}

/** Parses AAC-LC units; other codecs and object types go by unparsed. */
export class AacFrames {
  #config: AudioConfig | undefined;
  #asc: AscInfo | undefined;
  readonly #detectors: readonly AacDetector[];

  constructor(detectors: readonly AacDetector[]) {
    this.#detectors = detectors;
  }

  audio(event: AudioEvent): void {
    const { config, data } = event.unit;
    if (config.codec !== 'aac') return;
    if (config !== this.#config) {
      this.#config = config;
      this.#asc = parseAsc(config.asc);
    }
    const asc = this.#asc!;
    if (asc.objectType !== 2) return;
    let block: RawDataBlock | undefined;
    let damage: string | undefined;
    try {
      block = parseRawDataBlock(data, asc);
      const channels = block.elements.reduce((sum, element) => sum + element.channels.length, 0);
      // Parametric stereo and a program config element make more of them, never fewer.
      if (channels > config.channels) {
        damage = `expected ${config.channels} channels, got ${channels}`;
        block = undefined;
      }
    } catch (error) {
      if (error instanceof UnsupportedMediaError) return;
      if (!(error instanceof MalformedMediaError)) throw error;
      damage = error.message;
    }
    const frame = { event, block, damage, timeMs: audioTimeMs(event) };
    for (const detector of this.#detectors) detector.frame(frame);
  }

  end(): void {
    for (const detector of this.#detectors) detector.end?.();
  }
}

export function audioTimeMs({ stamp, unit }: AudioEvent): number {
  return stamp === undefined
    ? (unit.pts * 1000) / unit.config.sampleRate
    : (stamp.pts * 1000) / stamp.timescale;
}
