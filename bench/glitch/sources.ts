import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { samplesOf } from './ffmpeg.js';
import { Random } from './random.js';
import { makeSound, materials, RATE, silence, type Stereo } from './sounds.js';

/** What clips are made of. */
export interface Source {
  readonly name: string;
  /** The same seed gives the same sound. */
  readonly make: (seconds: number, seed: number) => Promise<Stereo>;
}

export const syntheticSources: readonly Source[] = materials.map((name) => ({
  name,
  make: (seconds, seed) => makeSound(name, seconds, seed),
}));

/** So that nothing that a codec adds is cut off at full scale. */
const PEAK = 0.7;
/** In mean square: an excerpt softer than that is taken for silence. */
const SILENCE = 1e-5;

/**
 * Excerpts of the sound files of a folder, of whatever ffmpeg reads.
 *
 * @param count how many sources there are: each makes other excerpts only as far as their seeds differ
 * @throws Error when there is no file in it
 */
export async function recordedSources(folder: string, count: number): Promise<readonly Source[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0) throw new Error(`no recordings in ${folder}`);
  return Array.from({ length: count }, (_, n) => ({
    name: `recording${n + 1}`,
    make: (seconds, seed) => Promise.resolve(excerpt(files, seconds, new Random(seed))),
  }));
}

function excerpt(files: readonly string[], seconds: number, random: Random): Stereo {
  for (let tries = 0; tries < 100; tries++) {
    const samples = samplesOf(random.pick(files), `aresample=${RATE}`);
    const out = silence(seconds);
    const spare = samples.length / 2 - out[0].length;
    if (spare < 0) continue;
    const from = Math.floor(random.between(0, spare));
    const part = samples.subarray(2 * from, 2 * (from + out[0].length));
    let peak = PEAK;
    let energy = 0;
    for (const x of part) {
      peak = Math.max(peak, Math.abs(x));
      energy += x * x;
    }
    if (energy / part.length < SILENCE) continue;
    for (let i = 0; i < part.length; i++) out[i & 1]![i >> 1] = (part[i]! * PEAK) / peak;
    return out;
  }
  throw new Error(`no recording is ${seconds} s long`);
}
