import type { EncoderChoice } from '../../test/splice/rig.js';

/** What the two sides of a seam are encoded with. */
export interface Coding {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly first: EncoderChoice;
  readonly second: EncoderChoice;
}

type Encoder = EncoderChoice['encoder'];

export function coding(
  encoders: readonly [Encoder, Encoder],
  bitrateBps: number,
  { sampleRate, channels }: Pick<Coding, 'sampleRate' | 'channels'>,
): Coding {
  const [first, second] = encoders.map((encoder) => ({ encoder, bitrateBps }));
  return { sampleRate, channels, first: first!, second: second! };
}

/** Every encoder, rate, channel count and end of the range of bitrates at least once. */
export const fewCodings: readonly Coding[] = [
  coding(['libfdk_aac', 'libfdk_aac'], 64_000, { sampleRate: 48_000, channels: 1 }),
  coding(['libfdk_aac', 'libfdk_aac'], 128_000, { sampleRate: 44_100, channels: 2 }),
  coding(['aac', 'aac'], 96_000, { sampleRate: 44_100, channels: 1 }),
  coding(['aac', 'libfdk_aac'], 192_000, { sampleRate: 48_000, channels: 2 }),
  coding(['libfdk_aac', 'aac'], 64_000, { sampleRate: 48_000, channels: 1 }),
];

export const allCodings: readonly Coding[] = [48_000, 44_100].flatMap((sampleRate) =>
  ([1, 2] as const).flatMap((channels) =>
    [64_000, 96_000, 128_000, 192_000].flatMap((bitrateBps) =>
      (['libfdk_aac', 'aac'] as const).flatMap((first) =>
        (['libfdk_aac', 'aac'] as const).map((second) =>
          coding([first, second], bitrateBps, { sampleRate, channels }),
        ),
      ),
    ),
  ),
);

export function nameOf({ first, second, sampleRate, channels }: Coding): string {
  const short = ({ encoder }: EncoderChoice): string => (encoder === 'aac' ? 'libav' : 'fdk');
  const encoders = first.encoder === second.encoder ? short(first) : `${short(first)}→${short(second)}`;
  return `${encoders} ${first.bitrateBps / 1000}k ${channels === 1 ? 'mono' : 'stereo'} ${sampleRate / 1000} kHz`;
}
