import { adtsFrame } from '../../src/container/adts/adts.js';
import { parseAsc } from '../../src/codec/aac/asc.js';
import { channelWindows, parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { WindowSequence, type WindowInfo } from '../../src/codec/aac/channel-stream.js';
import { risingHalf } from '../../src/codec/aac/window.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import type { Label } from './clip.js';
import { decodeUnits, encodeUnits } from './encode-units.js';
import { aliasOverNoise, BESIDE, MASKED_BELOW_DB, type Seam } from './masking.js';
import { Random } from './random.js';
import { RATE, type Stereo } from './sounds.js';
import type { Source } from './sources.js';

interface CodedOptions {
  readonly source: Source;
  readonly seed: number;
  readonly encoder: 'libfdk_aac' | 'aac';
  readonly bitrateBps: number;
}

export interface CodedDefect {
  readonly name: string;
  readonly make: (options: CodedOptions) => Promise<CodedClip>;
}

interface CodedClip {
  readonly frames: Buffer[];
  readonly labels: Label[];
  /** What would have been heard had all gone well. */
  readonly clean: Stereo;
  /** As of a `Clip`. */
  readonly burstsMs?: readonly number[];
}

const PIECE_SECONDS = 2.5;
const PIECES = 5;
const FRAME = 1024;
const FRAME_MS = (FRAME * 1000) / RATE;

/** Frames of one encoder run, and what they were made of. */
interface Piece {
  readonly sound: Stereo;
  readonly delaySamples: number;
  readonly all: readonly AacUnit[];
  /** Of `all`, those that are kept. */
  readonly from: number;
  readonly to: number;
}

/** Pieces of one coded stream: cut from the middle of longer ones unless `whole`. */
async function pieces(
  options: CodedOptions,
  change: (piece: number) => Partial<CodedOptions> & { whole?: boolean },
): Promise<Piece[]> {
  const found: Piece[] = [];
  for (let n = 0; n < PIECES; n++) {
    const own = { ...options, ...change(n) };
    const sound = await own.source.make(PIECE_SECONDS, own.seed * 16 + n);
    const { units: all, delaySamples } = encodeUnits(sound, own);
    const cut = own.whole === true ? 0 : 8;
    found.push({ sound, delaySamples, all, from: cut, to: all.length - cut });
  }
  return found;
}

/** Without the frames at either end that are not one long block. */
function longEnds(piece: Piece): Piece {
  let { from, to } = piece;
  const isLong = (index: number): boolean => sequenceOf(piece.all[index]!) === WindowSequence.onlyLong;
  while (from < to && !isLong(from)) from++;
  while (to > from && !isLong(to - 1)) to--;
  return { ...piece, from, to };
}

/** Joins frames without regard to anything, and labels each join. */
function joined(parts: readonly Piece[], kind: Label['kind'], strength: string): CodedClip {
  const labels: Label[] = [];
  const frames: Buffer[] = [];
  for (const [n, { all, from, to }] of parts.entries()) {
    if (n > 0) labels.push({ kind, timeMs: frames.length * FRAME_MS, strength });
    frames.push(...all.slice(from, to).map(adtsFrame));
  }
  const side = (channel: 0 | 1): Float32Array => concatenated(parts.map((part) => cleanOf(part, channel)));
  return { frames, labels, clean: [side(0), side(1)] };
}

/** The sound of the frames that are kept; of a whole stream all of its sound, without what its encoder put around it. */
function cleanOf({ sound, delaySamples, all, from, to }: Piece, channel: 0 | 1): Float32Array {
  const side = sound[channel];
  if (to - from === all.length) return side;
  const first = from * FRAME - delaySamples;
  return Float32Array.from({ length: (to - from) * FRAME }, (_, i) => side[first + i] ?? 0);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** What two pieces do to each other where they are joined. */
function seamBetween(before: Piece, after: Piece): Seam {
  const units = [...before.all.slice(before.from, before.to), ...after.all.slice(after.from, after.to)];
  const at = (before.to - before.from) * FRAME - BESIDE;
  const decoded = decodeUnits(units, 0);
  const around = (sound: Stereo, from: number): Stereo => [
    sound[0].subarray(from, from + FRAME + 2 * BESIDE),
    sound[1].subarray(from, from + FRAME + 2 * BESIDE),
  ];
  const [{ shape }] = windowsOf(before.all[before.to - 1]!) as [WindowInfo];
  return {
    before: around(before.sound, before.to * FRAME - before.delaySamples - BESIDE),
    after: around(after.sound, after.from * FRAME - after.delaySamples - BESIDE),
    rising: risingHalf('long', shape, FRAME),
    decoded: around(decoded, at),
  };
}

function windowsOf(unit: AacUnit): WindowInfo[] {
  return channelWindows(parseRawDataBlock(unit.data, parseAsc(unit.config.asc)));
}

function sequenceOf(unit: AacUnit): WindowSequence {
  return windowsOf(unit)[0]!.sequence;
}

export const codedDefects: readonly CodedDefect[] = [
  {
    // Frames of unrelated places of one encoder, both in long windows: nothing in the syntax is wrong.
    name: 'bad-seam',
    make: async (options) => {
      const parts = (await pieces(options, () => ({}))).map(longEnds);
      const made = joined(parts, 'bad-seam', 'unrelated frames');
      return {
        ...made,
        labels: made.labels.map((label, n): Label => {
          const overNoiseDb = aliasOverNoise(seamBetween(parts[n]!, parts[n + 1]!));
          return { ...label, overNoiseDb, ...(overNoiseDb < MASKED_BELOW_DB ? { masked: true } : {}) };
        }),
      };
    },
  },
  {
    name: 'concat',
    make: async (options) =>
      joined(await pieces(options, () => ({ whole: true })), 'priming-leak', 'whole streams'),
  },
  {
    name: 'encoder-change',
    make: async (options) =>
      joined(
        await pieces(options, (n) => ({
          encoder: n % 2 === 0 ? 'libfdk_aac' : 'aac',
          bitrateBps: n % 2 === 0 ? options.bitrateBps : options.bitrateBps / 2,
        })),
        'encoder-change',
        'other encoder and half the bitrate',
      ),
  },
  {
    name: 'damaged-frame',
    make: async (options) => {
      const sound = await options.source.make(12, options.seed);
      const { units } = encodeUnits(sound, options);
      const random = new Random(options.seed);
      const labels: Label[] = [];
      const frames = units.map(adtsFrame);
      for (let at = 90; at < frames.length - 40; at += 110) {
        const frame = Buffer.from(frames[at]!);
        for (let i = 9; i < frame.length; i++) frame[i] = random.integer(0, 255);
        frames[at] = frame;
        labels.push({ kind: 'damaged-frame', timeMs: at * FRAME_MS, strength: 'all bytes' });
      }
      return { frames, labels, clean: sound };
    },
  },
  {
    // A long window where the one before ends short, by leaving out what is between.
    name: 'illegal-window',
    make: async (options) => {
      const sound = await options.source.make(12, options.seed);
      // Clicks make any encoder switch to short windows.
      const places: number[] = [];
      for (let at = 2 * RATE; at < 11 * RATE; at += 2 * RATE) {
        places.push(at);
        for (const side of sound) {
          // Faded out, so that it is no gap of its own.
          for (let i = 0; i < 4000; i++) side[at - 4000 + i]! *= 1 - i / 4000;
          for (let i = 0; i < 600; i++) side[at + i]! += 0.8 * Math.sin(i * i) * Math.exp(-i / 150);
        }
      }
      const { units, delaySamples } = encodeUnits(sound, options);
      const labels: Label[] = [];
      const frames: Buffer[] = [];
      let last = -1000;
      for (const [index, unit] of units.entries()) {
        const before = units[index - 1];
        const isShort = sequenceOf(unit) === WindowSequence.eightShort;
        const opens = before !== undefined && sequenceOf(before) === WindowSequence.longStart;
        if (
          isShort &&
          opens &&
          // The first frame has none before it to be illegal with.
          frames.length > 1 &&
          index > last + 60 &&
          sequenceOf(units[index + 1] ?? unit) === WindowSequence.longStop
        ) {
          // LONG_START goes: ONLY_LONG then EIGHT_SHORT.
          frames.pop();
          labels.push({
            kind: 'illegal-window',
            timeMs: frames.length * FRAME_MS,
            strength: 'one frame left out',
          });
          last = index;
        }
        frames.push(adtsFrame(unit));
      }
      const burstsMs = places.map((at) => {
        const ms = ((at + delaySamples) * 1000) / RATE;
        // Each label is a frame that was left out before it.
        return ms - labels.filter(({ timeMs }) => timeMs < ms).length * FRAME_MS;
      });
      return { frames, labels, clean: sound, burstsMs };
    },
  },
];
