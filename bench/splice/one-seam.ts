import { parseAsc } from '../../src/codec/aac/asc.js';
import { channelWindows, parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { rightSlope } from '../../src/codec/aac/window.js';
import { FRAME, type SplicePiece } from '../../src/splice/piece.js';
import type { Techniques } from '../../src/splice/techniques.js';
import { illegalWindowSteps } from '../../test/peers/aac-windows.js';
import { piece, splice, type KnownSource, type Spliced } from '../../test/splice/rig.js';
import { worstExcess } from '../../test/splice/seam-noise.js';
import type { Coding } from './codings.js';

/** Sound on either side of the seam that goes into the program. */
export const SIDE_SECONDS = 1.5;
/** A second source's encoder begins here, so that it is warm at every seam; a multiple of the frame keeps one grid. */
export const EARLY = 4 * FRAME;

export interface Seam {
  readonly excessDb: number;
  /** The same over `heard.ideal` alone. */
  readonly overIdealDb: number | undefined;
  /** Frames of each bridge. */
  readonly frames: readonly number[];
  readonly joints: number;
  /** See {@link brokenJoints}. */
  readonly broken: number;
}

/**
 * Joins two sources on one grid and compares what is decoded with what was wanted.
 *
 * @param heard.wanted and what it is compared with: on the time of the sources
 */
export async function oneSeam(
  sources: readonly [KnownSource, KnownSource],
  seam: number,
  heard: {
    readonly coding: Coding;
    readonly wanted: readonly Float32Array[];
    readonly uncut: readonly (readonly Float32Array[])[];
    readonly ideal?: readonly (readonly Float32Array[])[];
    readonly techniques?: Techniques;
  },
): Promise<Seam> {
  const { from, to } = around(seam, heard.coding.sampleRate);
  const pieces = [piece(sources[0], from, seam - from), piece(sources[1], seam, to - seam)];
  const spliced = await splice(sources, {
    pieces,
    trims: true,
    techniques: heard.techniques,
  });
  const within = (sound: readonly Float32Array[]): Float32Array[] =>
    sound.map((samples) => samples.subarray(from, to));
  const over = (uncut: readonly (readonly Float32Array[])[]): number =>
    worstExcess(spliced.decoded, within(heard.wanted), uncut.map(within), seam - from);
  return {
    excessDb: over(heard.uncut),
    overIdealDb: heard.ideal && over(heard.ideal),
    frames: spliced.splicer.bridges.map(({ frames }) => frames),
    joints: 2 * spliced.splicer.bridges.length,
    broken: await brokenJoints(spliced, pieces),
  };
}

/** What of the sources is spliced; it begins at a border of their frames. */
export function around(seam: number, sampleRate: number): { readonly from: number; readonly to: number } {
  const side = SIDE_SECONDS * sampleRate;
  return { from: Math.max(0, Math.floor((seam - side) / FRAME) * FRAME), to: Math.floor(seam + side) };
}

/**
 * How many joints have windows that may not follow each other, were given up on by the splicer itself, or put a passed
 * unit after another window shape or slope than in its own stream.
 */
export async function brokenJoints(
  { splicer, runs, units }: Spliced,
  pieces: readonly SplicePiece[],
): Promise<number> {
  const broken = new Set(illegalWindowSteps(units));
  for (const { frame, frames, start, end } of splicer.bridges) {
    if (start === 'mismatched') broken.add(frame - splicer.firstFrame);
    if (end === 'mismatched') broken.add(frame + frames - splicer.firstFrame);
  }
  for (const run of runs) {
    const at = run.frame - splicer.firstFrame;
    const before = units[at - 1];
    if (run.kind !== 'passed' || run.unit === 0 || before === undefined) continue;
    const info = parseAsc(before.config.asc);
    const own = channelWindows(parseRawDataBlock(await pieces[run.piece]!.units!.read(run.unit - 1), info));
    const now = channelWindows(parseRawDataBlock(before.data, info));
    const differs = own.some(({ sequence, shape }, channel) => {
      const other = now[channel]!;
      return shape !== other.shape || rightSlope(sequence) !== rightSlope(other.sequence);
    });
    if (differs) broken.add(at);
  }
  return broken.size;
}
