import { AacEncoder } from '../libav/aac-encoder.js';
import { FRAME } from './piece.js';

/** 6144 bits per channel and frame (ISO/IEC 14496-3 §4.5.3.1), less what keeps encoders from refusing. */
const MAX_FRAME_BITS = 5_500;

/** What is worth its bits at low rates only: noise in place of sound, one channel in place of two, noise shaped in time. */
const faithful = { aac_pns: '0', aac_is: '0', aac_tns: '0' } as const;

export interface EncodedFormat {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** The most that frames of a format can hold. */
export function maxBitrateBps({ sampleRate, channels }: EncodedFormat): number {
  return Math.floor((MAX_FRAME_BITS * channels * sampleRate) / FRAME);
}

/**
 * Encoders for bridges, which sound that was encoded once already goes through a second time: they may spend all the
 * bits that a frame can hold, and their noise is far below that of any source (docs/benchmarks.md). That of fdk is at 96
 * kb/s and channel what it is at the most. Which of them is the quieter one depends on the sound: `quietestEncoder`.
 */
export function bridgeEncoders({
  sampleRate,
  channels,
}: EncodedFormat): [() => AacEncoder, () => AacEncoder] {
  const bitrateBps = maxBitrateBps({ sampleRate, channels });
  const by = (aac_coder: string) => (): AacEncoder =>
    AacEncoder.open({
      encoder: 'aac',
      sampleRate,
      channels,
      bitrateBps,
      options: { ...faithful, aac_coder },
    });
  // libav's ways to share out bits, the one that is quieter more often first.
  return [by('fast'), by('twoloop')];
}
