import { readFile, writeFile } from 'node:fs/promises';
import { Config } from '@oclif/core';
import { captureOutput } from '@oclif/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import AnalyzeGlitch from '../../commands/analyze-glitch.js';
import { InvalidOptionError, UnsupportedMediaError } from '../../src/base/errors.js';
import { adtsFrame } from '../../src/container/adts/adts.js';
import { writeWav } from '../../src/container/wav/wav.js';
import type { GlitchReport } from '../../src/glitch/analyse.js';
import type { AudioEvent, CaptureEvent, PcmEvent } from '../../src/glitch/capture/event.js';
import { soundFormatOf } from '../../src/glitch/capture/sound-format.js';
import type { Finding } from '../../src/glitch/finding.js';
import { soundKinds } from '../../src/glitch/merge.js';
import { ReferenceCheck, type ReferenceSummary } from '../../src/glitch/reference/reference-check.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { noise } from '../libav/signal.js';
import { aacClip } from '../mix/clips.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { analyseEvents, inMilliseconds, pcmEvents } from './events.js';

const RATE = 48_000;
const FRAME = 1024;
const SECONDS = 8;
/** Samples that the codec's noise may move what is measured by correlation. */
const SAMPLES_APART = 2;
/** A unit is heard in its own block and the next: a finding lies on either. */
const UNITS_APART = 1;
/** Clocks of some seconds are not compared any better. */
const PPM_APART = 10;

/** A melody over hiss, which never comes again. */
function melody(seed: number): Float32Array {
  const hiss = noise(SECONDS * RATE, seed, 0.05);
  let phase = 0;
  let hz = 0;
  return hiss.map((x, i) => {
    const note = i % 9600;
    if (note === 0) hz = 200 + ((seed * 7919 + i * 31) % 977);
    phase += (2 * Math.PI * hz) / RATE;
    return (
      x +
      Math.exp(-note / 6000) * Math.min(1, note / 300) * (0.2 * Math.sin(phase) + 0.1 * Math.sin(3 * phase))
    );
  });
}

/** 10 ms. */
const HOLE = 480;
const FRAME_MS = (FRAME * 1000) / RATE;
/** In `samples/glitchy.flv`. */
const DAMAGED_UNTIL_MS = 3900;

const source = melody(1);
const other = melody(2);
let folder: TempDir;
let units: AacUnit[];
/** Of the encoder, in samples: what a capture of its frames begins with. */
let delay: number;

beforeAll(async () => {
  folder = await TempDir.open('reference');
  units = aacClip(source);
  delay = -units[0]!.pts;
  await writeFile(folder.file('source.wav'), wav(source));
  await writeFile(folder.file('source.aac'), Buffer.concat(units.map(adtsFrame)));
});
afterAll(() => folder.close());

function wav(sound: Float32Array): Buffer {
  return writeWav({ sampleRate: RATE, pts: 0, channels: [sound] });
}

/** Frames one after the other, on the grid. */
function stream(frames: readonly AacUnit[]): CaptureEvent[] {
  return frames.map((unit, i) => inMilliseconds({ ...unit, pts: i * FRAME }, i));
}

interface Compared {
  /** Those that the reference tells. */
  readonly findings: readonly Finding[];
  readonly summary: ReferenceSummary;
}

async function compare(capture: readonly CaptureEvent[], reference: string): Promise<Compared> {
  const first = capture[0] as AudioEvent | PcmEvent;
  const check = await ReferenceCheck.open(folder.file(reference), soundFormatOf(first));
  try {
    const { findings } = analyseEvents(capture, { more: (report) => check.detectors(report) });
    return { findings: findings.filter(({ isByReference }) => isByReference), summary: check.summary! };
  } finally {
    await check.close();
  }
}

describe('a capture against its reference', () => {
  it('is aligned to the sample, and the noise of its codec is no finding', async () => {
    const { findings, summary } = await compare(stream(units), 'source.wav');
    expect(findings).toEqual([]);
    expect(Math.abs((summary.offsetMs * RATE) / 1000 + delay)).toBeLessThan(SAMPLES_APART);
    expect(summary).toMatchObject({ lostSamples: 0, insertedSamples: 0, copiedShare: 0 });
    expect(Math.abs(summary.driftPpm)).toBeLessThan(PPM_APART);
  });

  it('that has lost frames tells how many samples, and where', async () => {
    const at = 150;
    const { findings, summary } = await compare(
      stream([...units.slice(0, at), ...units.slice(at + 3)]),
      'source.wav',
    );
    expect(Math.abs(summary.lostSamples - 3 * FRAME)).toBeLessThan(SAMPLES_APART);
    expect(findings).toMatchObject([{ kind: 'skip', severity: 'major', unit: expect.any(Number) as number }]);
    expect(Math.abs(findings[0]!.unit! - at)).toBeLessThanOrEqual(UNITS_APART);
  });

  it('that has lost frames again and again is found by what is whole between them', async () => {
    const every = 30;
    const { summary } = await compare(stream(units.filter((_, i) => i % every !== every - 1)), 'source.wav');
    const lost = Math.floor(units.length / every) * FRAME;
    expect(Math.abs(summary.lostSamples - lost)).toBeLessThanOrEqual(FRAME + SAMPLES_APART);
  });

  it('that holds frames twice tells how many samples, and where', async () => {
    const at = 150;
    const { findings, summary } = await compare(
      stream([...units.slice(0, at), ...units.slice(at - 2)]),
      'source.wav',
    );
    expect(Math.abs(summary.insertedSamples - 2 * FRAME)).toBeLessThan(SAMPLES_APART);
    expect(findings).toMatchObject([{ kind: 'repeat', severity: 'major' }]);
    expect(Math.abs(findings[0]!.unit! - at)).toBeLessThanOrEqual(UNITS_APART);
  });

  it('that was spliced blindly has a bad seam, in hiss too, where the sound alone does not show it', async () => {
    const [a, b] = [noise(SECONDS * RATE, 3), noise(SECONDS * RATE, 4)];
    const at = 180;
    const cut = at * FRAME + FRAME / 2 - delay;
    const program = Float32Array.from(a, (x, i) => (i < cut ? x : b[i]!));
    await writeFile(folder.file('program.wav'), wav(program));
    const spliced = stream([...aacClip(a).slice(0, at), ...aacClip(b).slice(at)]);
    const { findings } = await compare(spliced, 'program.wav');
    expect(findings).toMatchObject([{ kind: 'bad-seam' }]);
    expect(Math.abs(findings[0]!.unit! - at)).toBeLessThanOrEqual(UNITS_APART);
    expect((await compare(stream(aacClip(program)), 'program.wav')).findings).toEqual([]);
  });

  it('in a coded format tells the frames that are not its own, by their bytes', async () => {
    const strange = aacClip(other);
    const at = 200;
    const replaced = units.map((unit, i) => (i >= at && i < at + 4 ? strange[i]! : unit));
    const { findings, summary } = await compare(stream(replaced), 'source.aac');
    expect(summary.copiedShare).toBeCloseTo(1 - 4 / units.length, 2);
    expect(findings.find(({ kind }) => kind === 'alien-frame')).toMatchObject({
      unit: at,
      byteOffset: at * 1000,
      measured: { frames: 4 },
    });
    // What is heard of them.
    expect(findings.some(({ kind, severity }) => kind !== 'alien-frame' && severity === 'major')).toBe(true);
    expect((await compare(stream(units), 'source.aac')).findings).toEqual([]);
  });

  it('has no finding where its frames are those of the reference, though decoders fill in noise at random', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;
    const args = [sample('glitchy.flv'), '--reference', sample('show.mp4'), '--no-pictures', '--json'];
    const { result } = await captureOutput<GlitchReport>(() => AnalyzeGlitch.run(args, config));
    const heard = result!.findings.filter(
      ({ kind, severity }) => soundKinds.has(kind) && severity !== 'info',
    );
    // After the frame that was damaged the stream is whole, but for its times.
    expect(heard.filter(({ timeMs }) => timeMs > DAMAGED_UNTIL_MS)).toEqual([]);
    expect(heard.some(({ kind }) => kind === 'skip')).toBe(true);
  });

  it('is heard as well where a codec makes more noise of it from now on', async () => {
    const half = (SECONDS / 2) * RATE;
    const hiss = noise(SECONDS * RATE, 5);
    // A tone that rises is like itself at one place only.
    const sound = hiss.map((x, i) =>
      i < half ? 0.3 * Math.sin(2 * Math.PI * (300 + 75 * (i / RATE)) * (i / RATE)) : x,
    );
    await writeFile(folder.file('tone-hiss.wav'), wav(sound));
    const [from, to] = [half + 2 * RATE, half + 2 * RATE + HOLE];
    const holed = sound.map((x, i) => (i >= from && i < to ? 0 : x));
    const { findings } = await compare(stream(aacClip(holed)), 'tone-hiss.wav');
    expect(findings).toMatchObject([{ kind: 'gap' }]);
    expect(Math.abs(findings[0]!.timeMs - ((from + delay) * 1000) / RATE)).toBeLessThan(FRAME_MS);
    expect((await compare(stream(aacClip(sound)), 'tone-hiss.wav')).findings).toEqual([]);
  });

  it('that began later and whose clock runs off is followed', async () => {
    const begin = 1.5 * RATE;
    const ppm = 200;
    // The band of the melody is low: a cubic is enough.
    const drifted = Float32Array.from({ length: 6 * RATE }, (_, i) =>
      cubic(source, begin + i * (1 + ppm / 1e6)),
    );
    const { findings, summary } = await compare([...pcmEvents([drifted])], 'source.wav');
    expect(findings).toEqual([]);
    expect(Math.abs(summary.offsetMs - 1500)).toBeLessThan(1);
    expect(Math.abs(summary.driftPpm - ppm)).toBeLessThan(PPM_APART);
  });
});

describe('a reference', () => {
  it('at another rate, with other channels and at another level is compared all the same', async () => {
    const args = ['-v', 'error', '-i', folder.file('source.wav'), '-ar', '44100', '-ac', '2'];
    await Program.run('ffmpeg', [...args, folder.file('stereo.wav')]);
    const { findings, summary } = await compare([...pcmEvents([source.map((x) => x / 4)])], 'stereo.wav');
    expect(findings).toEqual([]);
    expect(summary.gainDb[0]).toBeCloseTo(-12, 0);
    expect(summary.errorDb[0]).toBeLessThan(-30);
  });

  it('that is other sound is refused, not guessed at', async () => {
    await writeFile(folder.file('other.wav'), wav(other));
    await expect(compare(stream(units), 'other.wav')).rejects.toThrow(/other\.wav: nothing of the capture/);
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const args = [folder.file('source.aac'), '--reference', folder.file('other.wav')];
    const { error } = await captureOutput(() => AnalyzeGlitch.run(args, config));
    expect(error?.oclif?.exit).toBe(2);
  });

  it('is told of in the report of the command, and on its page', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const page = folder.file('report.html');
    const args = [
      folder.file('source.aac'),
      '--reference',
      folder.file('source.wav'),
      '--json',
      '--html',
      page,
    ];
    const { result } = await captureOutput<GlitchReport>(() => AnalyzeGlitch.run(args, config));
    expect(result?.reference).toMatchObject({
      lostSamples: 0,
      insertedSamples: 0,
      errorDb: [expect.any(Number)],
    });
    const { driftPpm, errorDb, noiseToMaskDb } = result!.reference!;
    const shown = await readFile(page, 'utf8');
    expect(shown).toContain('Against the reference');
    for (const value of [...errorDb, ...noiseToMaskDb]) {
      expect(shown).toContain(`${Math.abs(value).toFixed(1)} dB`);
    }
    for (const told of ['source.wav', `${driftPpm} ppm`, '<dd>0 samples</dd>']) expect(shown).toContain(told);
  });

  it('without sound, or for a capture without sound, is refused', async () => {
    const format = { sampleRate: RATE, channels: 1 } as const;
    await writeFile(folder.file('empty.wav'), wav(new Float32Array(0)));
    await expect(ReferenceCheck.open(folder.file('empty.wav'), format)).rejects.toThrow(
      UnsupportedMediaError,
    );
    await expect(ReferenceCheck.open(folder.file('none.wav'), format)).rejects.toThrow(InvalidOptionError);
    await expect(ReferenceCheck.open(folder.file('source.wav'), undefined)).rejects.toThrow(/no sound/);
  });
});

function cubic(samples: Float32Array, place: number): number {
  const at = Math.floor(place);
  const x = place - at;
  const [a, b, c, d] = [samples[at - 1]!, samples[at]!, samples[at + 1]!, samples[at + 2]!];
  return b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)));
}
