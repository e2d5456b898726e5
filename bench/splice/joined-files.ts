import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME } from '../../src/splice/piece.js';
import { spliceFiles } from '../../src/splice/splice-files.js';
import type { SpliceResult } from '../../src/splice/splice-job.js';
import { allTechniques } from '../../src/splice/techniques.js';
import { ChromiumDecoder } from './chromium-decode.js';
import { print } from './figures.js';
import {
  concatDemuxer,
  concatenatedAdts,
  concatFilter,
  decodeFile,
  encodeFile,
  type FileFormat,
} from './file-tools.js';
import { decodersDiffer, identicalUnits, judgeJoined } from './judge-joined.js';
import { makeSignal, type Material } from './materials.js';

const SECONDS = 14;
/** Whole frames and, at 48 kHz, whole milliseconds, which ffmpeg's edit lists are rounded to. */
const GRID = 3 * FRAME;
const MATERIALS: readonly Material[] = ['speech', 'music', 'attacks'];

/** One sound encoded as two files, joined by the splicer and by ffmpeg, decoded by ffmpeg and by Chromium. */
export async function joinedFiles(formats: readonly FileFormat[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-bench-splice-'));
  const chromium = await ChromiumDecoder.open();
  try {
    for (const format of formats) {
      for (const material of MATERIALS) {
        const sound = await makeSignal(material, 7, {
          sampleRate: format.sampleRate,
          channels: format.channels as 1 | 2,
          seconds: SECONDS,
        });
        const middle = Math.floor((SECONDS * format.sampleRate) / 2 / GRID) * GRID;
        for (const cut of [middle, middle + 389])
          await joinOne(sound, cut, { material, format, folder, chromium });
      }
    }
  } finally {
    await chromium.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function joinOne(
  sound: readonly Float32Array[],
  cut: number,
  at: {
    readonly material: Material;
    readonly format: FileFormat;
    readonly folder: string;
    readonly chromium: ChromiumDecoder;
  },
): Promise<void> {
  const { material, format, folder, chromium } = at;
  const onGrid = cut % FRAME === 0;
  print(
    `\n${material}, ffmpeg's aac ${format.bitrateBps / 1000}k, ${format.channels} channels, ` +
      `${format.sampleRate} Hz, cut ${onGrid ? 'on the grid' : 'off the grid'}: ` +
      `samples gained; excess over uncut and over the inputs, dB; worst local match, uncut and joined`,
  );
  const whole = join(folder, 'whole.m4a');
  encodeFile(whole, sound, format);
  const inputs = [join(folder, 'a.m4a'), join(folder, 'b.m4a')] as const;
  encodeFile(
    inputs[0],
    sound.map((samples) => samples.subarray(0, cut)),
    format,
  );
  encodeFile(
    inputs[1],
    sound.map((samples) => samples.subarray(cut)),
    format,
  );
  const uncut = decodeFile(whole, format.channels);
  const [before, after] = inputs.map((input) => decodeFile(input, format.channels));
  const laid = before!.map((samples, channel) => joined(samples.subarray(0, cut), after![channel]!));
  const smart = join(folder, 'smart.m4a');
  const result = await spliceTo(smart, inputs, 'smart');
  const exact = join(folder, 'exact.m4a');
  await spliceTo(exact, inputs, 'exact');
  const [seam] = result.seams;
  for (const [name, path] of [
    ['splice', smart],
    ['splice --audio exact', exact],
    ['concat demuxer', concatDemuxer(inputs, folder)],
    ['concatenated ADTS', concatenatedAdts(inputs, folder)],
    ['concat filter', concatFilter(inputs, folder, format)],
  ] as const) {
    const heard = decodeFile(path, format.channels);
    const isRescaled = path === smart && seam!.rescaledFrames > 0;
    const judged = { heard, sound, uncut, laid, isRescaled };
    print(`  ${name.padEnd(24)}${judgeJoined(judged, cut, format.sampleRate)}`);
  }
  print(
    `  splice: ${seam!.bridgedFrames} frames bridged, ${seam!.rescaledFrames} rescaled, offset ` +
      `${seam!.offsetSamples}; ${await identicalUnits(smart, inputs, result.passedFrames)}`,
  );
  const [ours, theirs] = [decodeFile(smart, format.channels), await chromium.decode(smart, format)];
  print(`  ffmpeg against Chromium: ${decodersDiffer(ours, theirs, cut)}`);
}

async function spliceTo(
  path: string,
  inputs: readonly string[],
  audio: 'smart' | 'exact',
): Promise<SpliceResult> {
  const job = {
    pieces: inputs.map((input) => ({ path: input })),
    format: 'm4a',
    outputPath: path,
    spoolPath: `${path}.spool`,
    audio,
    techniques: allTechniques,
  } as const;
  return spliceFiles(job, {
    bringIn: (input) => Promise.reject(new Error(`${input} was to be read as it is`)),
    progress: () => undefined,
    cancelled: () => false,
  });
}

function joined(before: Float32Array, after: Float32Array): Float32Array {
  const out = new Float32Array(before.length + after.length);
  out.set(before);
  out.set(after, before.length);
  return out;
}
