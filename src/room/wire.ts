import { MalformedMediaError } from '../base/errors.js';
import { sameConfig, type AccessUnit, type DecoderConfig } from '../media/access-unit.js';
import { encodeFrame, type Frame } from './frame.js';

/**
 * How messages become frames. A message's `unit` travels with its data as the frame's payload, and with the number of
 * its decoder configuration, which was sent in a frame of its own when it was new. Any other field is plain JSON.
 */
interface ConfigHeader {
  readonly type: '#config';
  readonly number: number;
  readonly config: Record<string, unknown>;
}

interface UnitHeader extends Record<string, unknown> {
  readonly unit: Record<string, unknown>;
}

/** Configurations that the reader remembers; the writer repeats one that is older. */
const CONFIGS_KEPT = 64;

export class MessageWriter {
  #recent: { number: number; config: DecoderConfig }[] = [];
  #next = 0;

  /** @returns the bytes to send, in order */
  encode(message: { readonly type: string; readonly unit?: AccessUnit }): Buffer[] {
    const { unit } = message;
    if (unit === undefined) return encodeFrame(message);
    const out: Buffer[] = [];
    const { data, config, ...fields } = unit;
    let known = this.#recent.find((entry) => sameConfig(entry.config, config));
    if (known === undefined) {
      known = { number: this.#next++, config };
      out.push(...encodeConfig(known.number, config));
      this.#recent = [known, ...this.#recent].slice(0, CONFIGS_KEPT);
    }
    out.push(...encodeFrame({ ...message, unit: { ...fields, config: known.number } }, data));
    return out;
  }
}

function encodeConfig(number: number, config: DecoderConfig): Buffer[] {
  const bytes = config.codec === 'h264' ? config.avcc : config.codec === 'aac' ? config.asc : undefined;
  const fields: Record<string, unknown> = { ...config };
  delete fields['avcc'];
  delete fields['asc'];
  return encodeFrame({ type: '#config', number, config: fields } satisfies ConfigHeader, bytes);
}

export class MessageReader<Message extends { readonly type: string }> {
  readonly #configs = new Map<number, DecoderConfig>();

  /** @returns the message, or `undefined` for a frame that only prepares later ones */
  decode(frame: Frame): Message | undefined {
    const header = frame.header as { type: string };
    if (header.type === '#config') {
      this.#addConfig(header as ConfigHeader, frame.payload);
      return undefined;
    }
    if (!('unit' in header)) return header as Message;
    const { unit } = header as unknown as UnitHeader;
    const config = this.#configs.get(unit['config'] as number);
    if (config === undefined) {
      throw new MalformedMediaError(`room pipe: unit with unknown configuration ${String(unit['config'])}`);
    }
    return { ...header, unit: { ...unit, config, data: frame.payload } } as unknown as Message;
  }

  #addConfig(header: ConfigHeader, payload: Buffer): void {
    const { codec } = header.config;
    const bytes = codec === 'h264' ? { avcc: payload } : codec === 'aac' ? { asc: payload } : {};
    this.#configs.set(header.number, { ...header.config, ...bytes } as unknown as DecoderConfig);
    this.#configs.delete(header.number - 2 * CONFIGS_KEPT);
  }
}
