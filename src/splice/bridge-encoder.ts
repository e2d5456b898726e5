import { AacEncoder } from '../libav/aac-encoder.js';
import { FRAME } from './piece.js';

/** 6144 bits per channel and frame (ISO/IEC 14496-3 §4.5.3.1), less what keeps encoders from refusing. */
const MAX_FRAME_BITS = 5_500;

export interface EncodedFormat {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** The most that frames of a format can hold. */
export function maxBitrateBps({ sampleRate, channels }: EncodedFormat): number {
  return Math.floor((MAX_FRAME_BITS * channels * sampleRate) / FRAME);
}

/**
 * Encoders for the few frames of a bridge, which may spend all the bits that a frame can hold. The noise of libav's own
 * goes on falling with the bits, where that of fdk stays what it is at 96 kb/s and channel; fdk is better where sound
 * sets in after silence (docs/benchmarks.md).
 */
export function bridgeEncoders({ sampleRate, channels }: EncodedFormat): readonly (() => AacEncoder)[] {
  const format = { sampleRate, channels, bitrateBps: maxBitrateBps({ sampleRate, channels }) };
  return [() => AacEncoder.open({ ...format, encoder: 'aac' }), () => AacEncoder.open(format)];
}
