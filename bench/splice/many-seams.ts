import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME } from '../../src/splice/piece.js';
import { spliceFiles } from '../../src/splice/splice-files.js';
import type { PieceSpec, SpliceResult } from '../../src/splice/splice-job.js';
import { allTechniques } from '../../src/splice/techniques.js';
import { Random } from '../glitch/random.js';
import { quantile, print } from './figures.js';
import { decodeFile, encodeFile } from './file-tools.js';
import { bestLag } from './local-match.js';
import { makeSignal } from './materials.js';

const RATE = 48_000;
const FORMAT = { sampleRate: RATE, channels: 1, bitrateBps: 96_000 } as const;
const SECONDS = 30;
/** The second file begins so many samples later, so that its frames lie on another grid. */
const LATER = 389;
const LAG_WINDOW = 8 * FRAME;

interface Program {
  readonly name: string;
  readonly seams: number;
  /** Lengths of the pieces. */
  readonly shortest: number;
  readonly longest: number;
  readonly audio: 'smart' | 'exact';
}

/** Pieces of two files in turn, hundreds of times: samples gained or lost, as heard in the last piece, and memory. */
export async function manySeams(seams: number): Promise<void> {
  print('\nMany seams: samples gained or lost by length, and as heard in the last piece');
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-bench-splice-'));
  try {
    const [sound] = await makeSignal('speech', 9, { ...FORMAT, seconds: SECONDS });
    const files = [join(folder, 'a.m4a'), join(folder, 'b.m4a')];
    encodeFile(files[0]!, [sound!], FORMAT);
    encodeFile(files[1]!, [sound!.subarray(LATER)], FORMAT);
    const short = { shortest: 0.3, longest: 1.2 };
    for (const program of [
      { name: 'pieces of 0.3 to 1.2 s', ...short, seams: Math.ceil(seams / 10), audio: 'smart' },
      { name: 'pieces of 0.3 to 1.2 s', ...short, seams, audio: 'smart' },
      { name: 'the same, exact', ...short, seams, audio: 'exact' },
      { name: 'pieces of 6 to 9 s', shortest: 6, longest: 9, seams: Math.ceil(seams / 5), audio: 'smart' },
    ] as const)
      await oneProgram(program, { folder, files, sound: sound! });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function oneProgram(
  { name, seams, shortest, longest, audio }: Program,
  of: { readonly folder: string; readonly files: readonly string[]; readonly sound: Float32Array },
): Promise<void> {
  const random = new Random(seams);
  const pieces = Array.from({ length: seams + 1 }, (_, i): PieceSpec => {
    const length = random.integer(shortest * RATE, longest * RATE);
    const start = random.integer(0, (SECONDS - 1) * RATE - length);
    return { path: of.files[i % 2]!, in: { samples: start }, out: { samples: start + length } };
  });
  const output = join(of.folder, 'program.m4a');
  const begun = performance.now();
  let peakRss = 0;
  const result = await spliceFiles(
    {
      ...{ pieces, format: 'm4a', audio, techniques: allTechniques },
      ...{ outputPath: output, spoolPath: `${output}.spool` },
    },
    {
      bringIn: (input) => Promise.reject(new Error(`${input} was to be read as it is`)),
      progress: () => (peakRss = Math.max(peakRss, process.memoryUsage.rss())),
      cancelled: () => false,
    },
  );
  const seconds = (performance.now() - begun) / 1000;
  const wanted = pieces.reduce((sum, piece) => sum + samplesOf(piece.out) - samplesOf(piece.in), 0);
  const bridged = result.seams.map(({ bridgedFrames }) => bridgedFrames);
  print(
    `  ${name}, ${seams} seams: ${Math.round(result.seconds * RATE) - wanted}, heard ${heardLate(output, pieces, wanted, of)}; ` +
      `largest offset ${largestOffset(result)}; ${result.passedFrames} frames passed, ${result.bridgedFrames} encoded, ` +
      `p50/p95 ${quantile(bridged, 0.5)}/${quantile(bridged, 0.95)} at a seam; ` +
      `${(wanted / RATE / 60).toFixed(0)} min in ${seconds.toFixed(0)} s, RSS ${(peakRss / 2 ** 20).toFixed(0)} MB`,
  );
}

function largestOffset({ seams }: SpliceResult): number {
  return Math.max(...seams.map(({ offsetSamples }) => Math.abs(offsetSamples)));
}

/** By how many samples the end of the last piece comes later than it would in the pieces laid end to end. */
function heardLate(
  output: string,
  pieces: readonly PieceSpec[],
  wanted: number,
  of: { readonly files: readonly string[]; readonly sound: Float32Array },
): number {
  const last = pieces.at(-1)!;
  const before = 2 * LAG_WINDOW;
  const later = last.path === of.files[0] ? 0 : LATER;
  const out = samplesOf(last.out) + later;
  const [heard] = decodeFile(output, 1, { from: wanted - before - FRAME });
  const laid = new Float32Array(FRAME + LAG_WINDOW);
  laid.set(of.sound.subarray(out - before, out - before + LAG_WINDOW), FRAME);
  return bestLag(heard!, laid, { from: FRAME, size: LAG_WINDOW, reach: FRAME });
}

function samplesOf(point: PieceSpec['in']): number {
  return point !== undefined && 'samples' in point ? point.samples : NaN;
}
