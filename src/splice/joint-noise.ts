import { AudioDecoder } from '../libav/audio-decoder.js';
import type { AacConfig } from '../media/access-unit.js';
import { FrameEncoder, type BridgeEncoder, type EncodedFrame } from './frame-encoder.js';
import { FRAME } from './piece.js';

const HOP = 256;
/** Frames decoded before those that are judged: PNS and overlap have settled. */
const WARM_UP = 4;
const PRIMING = 6;
/** Sound is judged in the frame that two encoders share, and in the one after it. */
export const JUDGED_FRAMES = 2;
/** No encoder needs more of the future. */
const LOOK_AHEAD = 4;
/** 16-bit rounding noise: nothing quieter counts. */
const FLOOR = 1e-10;

/** Frames around a joint that are looked at, counted from its first frame after; `to` is not among them. */
export const jointNoiseReach = { from: -WARM_UP - PRIMING, to: JUDGED_FRAMES + LOOK_AHEAD } as const;

export interface JointNoiseOptions {
  readonly config: AacConfig;
  /** The program's units by frame. */
  readonly unit: (frame: number) => Buffer | undefined;
  /** The program's sound in the time of a frame, for all of {@link jointNoiseReach}. */
  readonly sound: (frame: number) => readonly Float32Array[];
  readonly open: () => BridgeEncoder;
}

/**
 * How much louder the error of the program is where one encoder's frames end and another's begin, than that of a
 * plain encoder when it goes over the same sound without a joint: the loudest hop of each, in dB.
 *
 * @param first the first frame after the joint
 */
export function jointNoise(first: number, options: JointNoiseOptions): number {
  const to = first + JUDGED_FRAMES;
  const spliced: Buffer[] = [];
  for (let frame = first - WARM_UP; frame < to; frame++) spliced.push(options.unit(frame) ?? Buffer.alloc(0));
  const heard = decode(spliced, options.config).slice(WARM_UP);
  const noise = loudestHop(heard, soundOf(first, to, options.sound));
  const { sampleRate } = options.config;
  const uncut = encoderNoise(first, to, { ...options, sampleRate });
  return 10 * Math.log10((noise + FLOOR) / (uncut + FLOOR));
}

/** Frames around those that are judged by {@link encoderNoise} whose sound it needs. */
export const encoderNoiseReach = { before: WARM_UP + PRIMING, after: LOOK_AHEAD } as const;

/** Mean square error of the loudest hop in frames `from` up to `to`, when an encoder goes over them. */
export function encoderNoise(
  from: number,
  to: number,
  options: Pick<JointNoiseOptions, 'open' | 'sound'> & { readonly sampleRate: number },
): number {
  const { sound } = options;
  const start = from - WARM_UP;
  const encoder = FrameEncoder.open({ ...options, first: start - PRIMING });
  const frames: EncodedFrame[] = [];
  try {
    while ((frames.at(-1)?.index ?? -Infinity) < to - 1) frames.push(...encoder.feed(sound(encoder.next)));
  } finally {
    encoder.close();
  }
  const units = frames.filter(({ index }) => index >= start && index < to);
  const data = units.map((frame) => frame.data);
  return loudestHop(decode(data, units[0]!.unit.config).slice(WARM_UP), soundOf(from, to, sound));
}

function soundOf(from: number, to: number, sound: JointNoiseOptions['sound']): (readonly Float32Array[])[] {
  return Array.from({ length: to - from }, (_, i) => sound(from + i));
}

function decode(units: readonly Buffer[], config: AacConfig): (readonly Float32Array[])[] {
  const decoder = AudioDecoder.open({ sampleRate: config.sampleRate, channels: config.channels as 1 | 2 });
  try {
    return units.map(
      (data, i) =>
        decoder.decode({ kind: 'audio', config, pts: i * FRAME, durationSamples: FRAME, data })?.channels ??
        [],
    );
  } finally {
    decoder.close();
  }
}

function loudestHop(
  heard: readonly (readonly Float32Array[])[],
  wanted: readonly (readonly Float32Array[])[],
): number {
  let loudest = 0;
  for (const [frame, channels] of wanted.entries()) {
    for (const [channel, samples] of channels.entries()) {
      const decoded = heard[frame]?.[channel];
      for (let hop = 0; hop < FRAME; hop += HOP) {
        let energy = 0;
        for (let i = hop; i < hop + HOP; i++) energy += ((decoded?.[i] ?? 0) - samples[i]!) ** 2;
        loudest = Math.max(loudest, energy / HOP);
      }
    }
  }
  return loudest;
}
