/**
 * How fast analyze-glitch is, by CPU time, and the memory that it takes: of sound alone (AAC of both encoders, and WAV), of
 * sound with its reference, and of pictures.
 *
 *   npm run build && node bench/run.mjs glitch-speed [--minutes 5]
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { adtsFrame } from '../../src/container/adts/adts.js';
import { writeWav } from '../../src/container/wav/wav.js';
import { encodeUnits } from './encode-units.js';
import { makeSound, materials, RATE, silence, type Stereo } from './sounds.js';
import { testStream, writeFlv } from './test-stream.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
  },
});
const PICTURE_SECONDS = 60;
const BITRATE_BPS = 128_000;
const SEED = 7;

const out = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Each material for an equal part of the time. */
async function longSound(seconds: number): Promise<Stereo> {
  const sound = silence(seconds);
  const part = seconds / materials.length;
  for (const [n, material] of materials.entries()) {
    const piece = await makeSound(material, part, SEED + n);
    piece.forEach((samples, channel) => sound[channel]!.set(samples, Math.floor(n * part * RATE)));
  }
  return sound;
}

async function compareAll(folder: string): Promise<void> {
  const sound = await longSound(60 * Number(values.minutes));
  const wav = join(folder, 'sound.wav');
  await writeFile(wav, writeWav({ sampleRate: RATE, pts: 0, channels: sound }));
  const runs: { readonly name: string; readonly args: readonly string[] }[] = [
    { name: 'WAV', args: ['--file', wav] },
  ];
  for (const encoder of ['libfdk_aac', 'aac'] as const) {
    const file = join(folder, `${encoder}.aac`);
    const { units } = encodeUnits(sound, { encoder, bitrateBps: BITRATE_BPS });
    await writeFile(file, Buffer.concat(units.map(adtsFrame)));
    runs.push({ name: encoder, args: ['--file', file] });
    runs.push({ name: `${encoder}, --reference`, args: ['--file', file, '--reference', wav] });
  }
  const pictured = sound.map((samples) => samples.subarray(0, PICTURE_SECONDS * RATE)) as unknown as Stereo;
  const flv = join(folder, 'pictures.flv');
  await writeFile(flv, writeFlv(await testStream({ sound: pictured, width: 1280 })));
  runs.push({ name: 'FLV 720p30, sound and pictures', args: ['--file', flv, '--pictures'] });
  for (const { name, args } of runs) {
    const path = fileURLToPath(new URL('speed-child.mjs', import.meta.url));
    const child = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
    out(`${name.padEnd(32)}${child.stdout.trim()}${child.status === 0 ? '' : child.stderr}`);
  }
}

const folder = await mkdtemp(join(tmpdir(), 'anchornet-glitch-speed-'));
try {
  await compareAll(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
