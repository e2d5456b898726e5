import { FRAME } from '../../src/splice/piece.js';

const HOP = 256;
/** 16-bit noise: what is quieter than this is silence. */
const FLOOR = 1e-10;
const REACH_FRAMES = 4;

/** Mean square error of consecutive hops of 256 samples; `lag` is by how much `heard` is later than `wanted`. */
export function hopErrors(
  heard: Float32Array,
  wanted: Float32Array,
  at: { readonly from: number; readonly hops: number; readonly lag?: number },
): number[] {
  const lag = at.lag ?? 0;
  return Array.from({ length: at.hops }, (_, hop) => {
    let energy = 0;
    for (let i = 0; i < HOP; i++) {
      const n = at.from + hop * HOP + i;
      energy += ((heard[n + lag] ?? 0) - (wanted[n] ?? 0)) ** 2;
    }
    return energy / HOP + FLOOR;
  });
}

/**
 * The loudest hop of the error within four frames of a seam, over that of the noisiest encode without a seam, in dB; over
 * all channels.
 */
export function worstExcess(
  heard: readonly Float32Array[],
  wanted: readonly Float32Array[],
  uncut: readonly (readonly Float32Array[])[],
  seam: number,
): number {
  const place = { from: seam - REACH_FRAMES * FRAME, hops: (2 * REACH_FRAMES * FRAME) / HOP };
  const loudest = (channels: readonly Float32Array[]): number =>
    Math.max(...wanted.flatMap((samples, channel) => hopErrors(channels[channel]!, samples, place)));
  return 10 * Math.log10(loudest(heard) / Math.max(...uncut.map(loudest)));
}
