/**
 * How fast analyze-glitch is, by CPU time, and the memory that it takes: of sound alone (AAC of both encoders, and WAV), of
 * sound with its reference, and of pictures.
 *
 *   node bench/run.mjs glitch-speed [--minutes 5]
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { adtsFrame } from '../../src/container/adts/adts.js';
import { writeWav } from '../../src/container/wav/wav.js';
import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import { openCapture } from '../../src/glitch/capture/open.js';
import { withSoundFormat } from '../../src/glitch/capture/sound-format.js';
import { ReferenceCheck } from '../../src/glitch/reference/reference-check.js';
import { encodeUnits } from './encode-units.js';
import { makeSound, materials, RATE, silence, type Stereo } from './sounds.js';
import { testStream, writeFlv } from './test-stream.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    file: { type: 'string' },
    reference: { type: 'string' },
    pictures: { type: 'boolean', default: false },
  },
});
const PICTURE_SECONDS = 60;
const BITRATE_BPS = 128_000;
const SEED = 7;

const out = (line: string): boolean => process.stdout.write(`${line}\n`);

/** One analysis, in a process of its own so that its memory can be told. */
async function measure(file: string): Promise<void> {
  const before = process.cpuUsage();
  const { capture, format } = await withSoundFormat(await openCapture(file));
  const check =
    values.reference === undefined ? undefined : await ReferenceCheck.open(values.reference, format);
  const more = check && ((report: Parameters<typeof check.detectors>[0]) => check.detectors(report));
  let findings = 0;
  // Not the kernel's own peak: a child's begins with what its parent had.
  let peakBytes = 0;
  const { durationMs } = await analyseCapture(capture, {
    pictures: values.pictures,
    more,
    onFinding: () => findings++,
    onProgress: () => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())),
  });
  await capture.close();
  await check?.close();
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  out(
    `${(durationMs / 1000 / seconds).toFixed(1)} × real time (${seconds.toFixed(2)} s of CPU for ` +
      `${(durationMs / 1000).toFixed(0)} s), peak RSS ${(peakBytes / 1e6).toFixed(0)} MB, ${findings} findings`,
  );
}

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
    const path = fileURLToPath(import.meta.url);
    const child = spawnSync(process.execPath, ['--import', 'tsx', path, ...args], { encoding: 'utf8' });
    out(`${name.padEnd(32)}${child.stdout.trim()}${child.status === 0 ? '' : child.stderr}`);
  }
}

if (values.file !== undefined) await measure(values.file);
else {
  const folder = await mkdtemp(join(tmpdir(), 'anchornet-glitch-speed-'));
  try {
    await compareAll(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
