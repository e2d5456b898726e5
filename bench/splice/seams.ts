/**
 * What each technique of the splicer is worth. One signal (gliding tones with attacks, made here) is encoded twice, cut
 * at a place that is on no frame border, joined, decoded by libav, and compared with the signal.
 *
 * Excess: the loudest 256-sample hop of the error within four frames of the seam, over that of the noisier of the two
 * encodes without a seam, in dB. The row "another grid" is an uncut encode, for what the measure itself is worth.
 *
 *   node bench/run.mjs splice [--seams 40]
 */
import { parseArgs } from 'node:util';
import { FRAME } from '../../src/splice/piece.js';
import { allTechniques, type TechniqueName, type Techniques } from '../../src/splice/techniques.js';
import { music } from '../../test/splice/music.js';
import {
  decode,
  encodeSource,
  piece,
  splice,
  type EncoderChoice,
  type KnownSource,
} from '../../test/splice/rig.js';

const { values } = parseArgs({ options: { seams: { type: 'string', default: '40' } } });
const seams = Number(values.seams);
const HOP = 256;
const FLOOR = 1e-10;
const SECONDS = 12;
/** The second source's encoder begins here, so that it is warm at every seam; a multiple of the frame keeps one grid. */
const EARLY = 4 * FRAME;

const settings: readonly {
  name: string;
  rate: number;
  channels: 1 | 2;
  first: EncoderChoice;
  second: EncoderChoice;
}[] = [
  { name: 'fdk 64k mono 48 kHz', rate: 48_000, channels: 1, ...both('libfdk_aac', 64_000) },
  { name: 'fdk 128k stereo 44.1 kHz', rate: 44_100, channels: 2, ...both('libfdk_aac', 128_000) },
  { name: 'libav 96k mono 48 kHz', rate: 48_000, channels: 1, ...both('aac', 96_000) },
  {
    name: 'libav 192k → fdk 192k stereo 48 kHz',
    rate: 48_000,
    channels: 2,
    first: { encoder: 'aac', bitrateBps: 192_000 },
    second: { encoder: 'libfdk_aac', bitrateBps: 192_000 },
  },
];

function both(
  encoder: EncoderChoice['encoder'],
  bitrateBps: number,
): { first: EncoderChoice; second: EncoderChoice } {
  return { first: { encoder, bitrateBps }, second: { encoder, bitrateBps } };
}

function loudest(
  heard: readonly Float32Array[],
  wanted: readonly Float32Array[],
  seam: number,
  lag = 0,
): number {
  let most = FLOOR;
  for (const [channel, samples] of wanted.entries()) {
    for (let from = seam - 4 * FRAME; from < seam + 4 * FRAME; from += HOP) {
      let energy = 0;
      for (let i = from; i < from + HOP; i++)
        energy += ((heard[channel]?.[i + lag] ?? 0) - (samples[i] ?? 0)) ** 2;
      most = Math.max(most, energy / HOP);
    }
  }
  return most;
}

interface Row {
  readonly excess: number[];
  readonly frames: number[];
  mismatched: number;
  joints: number;
}

function print(name: string, { excess, frames, mismatched, joints }: Row): void {
  const sorted = [...excess].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(1);
  const length = [...frames].sort((a, b) => a - b)[Math.floor(0.95 * frames.length)];
  const figures = `median ${at(0.5)}, p95 ${at(0.95)}, max ${at(1)} dB`;
  const bridge =
    length === undefined ? '' : `; bridge p95 ${length} frames; mismatched joints ${mismatched} of ${joints}`;
  process.stdout.write(`  ${name.padEnd(22)}${figures}${bridge}\n`);
}

const rows: readonly (readonly [string, Techniques])[] = [
  ['all on', allTechniques],
  ...(['priming', 'duplicate', 'rescale', 'reconstruct'] satisfies TechniqueName[]).map(
    (name) => [`without ${name}`, { ...allTechniques, [name]: false }] as const,
  ),
  ['all off', { priming: false, duplicate: false, rescale: false, reconstruct: false }],
];

for (const { name, rate, channels, first, second } of settings) {
  process.stdout.write(`${name}\n`);
  const original = Array.from({ length: channels }, (_, i) => music(SECONDS * rate, i + 1, rate));
  const encode = (choice: EncoderChoice, from: number): KnownSource =>
    encodeSource(original, { ...choice, sampleRate: rate, from });
  const a = encode(first, 0);
  const b = encode(second, EARLY);
  const places = Array.from(
    { length: seams },
    (_, i) => 2 * rate + 77 + Math.floor((i * (SECONDS - 4) * rate) / seams),
  );
  const uncut = (seam: number): number =>
    Math.max(loudest(a.decoded, original, seam), loudest(b.decoded, original, seam));
  const excessOf = (error: number, seam: number): number => 10 * Math.log10(error / uncut(seam));
  for (const [label, techniques] of rows) {
    const row: Row = { excess: [], frames: [], mismatched: 0, joints: 0 };
    for (const seam of places) {
      const pieces = [piece(a, 0, seam), piece(b, seam, SECONDS * rate - seam)];
      const bitrateBps = Math.min(250_000 * channels, Math.max(96_000 * channels, 2 * first.bitrateBps));
      const done = await splice([a, b], { pieces, trims: true, techniques, bridge: { bitrateBps } });
      row.excess.push(excessOf(loudest(done.decoded, original, seam), seam));
      for (const { frames, start, end } of done.splicer.bridges) {
        row.frames.push(frames);
        row.joints += 2;
        row.mismatched += [start, end].filter((kind) => kind === 'mismatched').length;
      }
    }
    print(label, row);
  }
  const joined: Row = { excess: [], frames: [], mismatched: 0, joints: 0 };
  for (const seam of places) {
    // Two files whose units are laid one after the other: the second one begins with its own priming.
    const cut = encodeSource(original, { ...second, sampleRate: rate, from: seam });
    const kept = a.units.filter(({ pts }) => pts + FRAME <= seam);
    const start = (kept.at(-1)?.pts ?? 0) + FRAME;
    const units = [...kept, ...cut.units.map((unit, i) => ({ ...unit, pts: start + i * FRAME }))];
    const decoded = decode(units, channels, original[0]!.length);
    joined.excess.push(excessOf(loudest(decoded, original, seam), seam));
  }
  print('units concatenated', joined);
  const other = encode(first, 500);
  const grid: Row = { excess: [], frames: [], mismatched: 0, joints: 0 };
  for (const seam of places) {
    grid.excess.push(
      10 * Math.log10(loudest(other.decoded, original, seam) / loudest(a.decoded, original, seam)),
    );
  }
  print('uncut, another grid', grid);
}
