import { MalformedMediaError } from '../../base/errors.js';

/** Samples at 48 kHz of one frame for each configuration of the TOC byte, RFC 6716 table 2. */
const silk = [480, 960, 1920, 2880];
const hybrid = [480, 960];
const celt = [120, 240, 480, 960];
/** No packet is longer than 120 ms (RFC 6716 §3.2.5, R5). */
const MAX_SAMPLES = 5760;

/**
 * Length of an Opus packet in samples per channel at 48 kHz, RFC 6716 §3.
 *
 * @throws MalformedMediaError when the packet is empty or breaks the rules on frame counts
 */
export function opusPacketDuration(packet: Buffer): number {
  const toc = tocByte(packet);
  const frame = frameSamples(toc >> 3);
  const code = toc & 3;
  if (code === 0) return frame;
  if (code < 3) return 2 * frame;
  const second = packet[1];
  const count = (second ?? 0) & 0x3f;
  if (second === undefined || count === 0 || count * frame > MAX_SAMPLES) {
    throw new MalformedMediaError(
      `Opus packet: expected 1 or more frames and at most ${MAX_SAMPLES} samples, got ${count} frames of ${frame}`,
      { offset: 1 },
    );
  }
  return count * frame;
}

/**
 * Channels that the packet itself codes, 1 or 2. A decoder set up for the other count converts.
 *
 * @throws MalformedMediaError when the packet is empty
 */
export function opusPacketChannels(packet: Buffer): 1 | 2 {
  return (tocByte(packet) & 4) === 0 ? 1 : 2;
}

function tocByte(packet: Buffer): number {
  const toc = packet[0];
  if (toc === undefined) throw new MalformedMediaError('Opus packet: expected a TOC byte, got none');
  return toc;
}

function frameSamples(config: number): number {
  if (config < 12) return silk[config & 3] ?? 0;
  if (config < 16) return hybrid[config & 1] ?? 0;
  return celt[config & 3] ?? 0;
}
