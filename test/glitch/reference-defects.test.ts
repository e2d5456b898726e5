import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeWav } from '../../src/container/wav/wav.js';
import type { AudioEvent, CaptureEvent, PcmEvent } from '../../src/glitch/capture/event.js';
import { soundFormatOf } from '../../src/glitch/capture/sound-format.js';
import type { Finding } from '../../src/glitch/finding.js';
import { ReferenceCheck } from '../../src/glitch/reference/reference-check.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { noise } from '../libav/signal.js';
import { TempDir } from '../peers/temp-dir.js';
import { analyseEvents, inMilliseconds, pcmEvents } from './events.js';

const RATE = 48_000;
const FRAME = 1024;
const FRAME_MS = (FRAME * 1000) / RATE;
const SECONDS = 8;
const AT = 4 * RATE + 333;
type Stereo = readonly [Float32Array, Float32Array];

/** Notes over hiss, louder on one side. */
const source: Stereo = [0.9, 0.6].map((level, side) => {
  let phase = 0;
  return noise(SECONDS * RATE, 5 + side, 0.04).map((hiss, i) => {
    const note = i % 12_000;
    phase += (2 * Math.PI * (220 + 55 * (Math.floor(i / 12_000) % 7))) / RATE;
    const loudness = Math.min(1, note / 400) * Math.exp(-note / 9000);
    return hiss + 0.35 * level * loudness * (Math.sin(phase) + 0.4 * Math.sin(3 * phase));
  });
}) as unknown as Stereo;

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('reference-defects');
  await writeReference('source.wav', source);
});
afterAll(() => folder.close());

function writeReference(name: string, sound: Stereo): Promise<void> {
  return writeFile(folder.file(name), writeWav({ sampleRate: RATE, pts: 0, channels: sound }));
}

function copy(): Stereo {
  return [source[0].slice(), source[1].slice()];
}

async function findings(capture: readonly CaptureEvent[], reference = 'source.wav'): Promise<Finding[]> {
  const first = capture[0] as AudioEvent | PcmEvent;
  const check = await ReferenceCheck.open(folder.file(reference), soundFormatOf(first));
  try {
    return analyseEvents(capture, { more: (report) => check.detectors(report) }).findings;
  } finally {
    await check.close();
  }
}

/** As AAC of 96 kb/s, and where what was at {@link AT} lies in it. */
function encoded(sound: Stereo): { readonly capture: CaptureEvent[]; readonly atMs: number } {
  const encoder = AacEncoder.open({
    encoder: 'libfdk_aac',
    sampleRate: RATE,
    channels: 2,
    bitrateBps: 96_000,
  });
  const units = [...encoder.encode({ sampleRate: RATE, pts: 0, channels: sound }), ...encoder.flush()];
  return {
    capture: units.map((unit, i) => inMilliseconds({ ...unit, pts: i * FRAME }, i)),
    atMs: ((AT + encoder.delaySamples) * 1000) / RATE,
  };
}

interface Case {
  readonly kind: Finding['kind'];
  readonly what: string;
  readonly make: (sound: Stereo) => void;
}

const cases: readonly Case[] = [
  {
    kind: 'gap',
    what: 'silence of 10 ms',
    make: (sound) => sound.forEach((side) => side.fill(0, AT, AT + 480)),
  },
  {
    kind: 'silence-run',
    what: 'silence of 400 ms',
    make: (sound) => sound.forEach((side) => side.fill(0, AT, AT + 19_200)),
  },
  {
    kind: 'channel-dropout',
    what: 'one side gone for 30 ms',
    make: ([, right]) => right.fill(0, AT, AT + 1440),
  },
  {
    kind: 'click',
    what: 'two wrong samples',
    make: (sound) => sound.forEach((side) => [0, 1].forEach((i) => (side[AT + i]! += 0.5))),
  },
  {
    kind: 'noise-burst',
    what: '10 ms of noise',
    make: (sound) => sound.forEach((side, n) => side.set(noise(480, 90 + n, 0.7), AT)),
  },
  {
    kind: 'level-jump',
    what: 'a gain of −6 dB from there on',
    make: (sound) => sound.forEach((side) => side.subarray(AT).forEach((x, i, rest) => (rest[i] = x / 2))),
  },
  {
    kind: 'clipping',
    what: 'peaks cut off at full scale',
    make: (sound) =>
      sound.forEach((side) =>
        side.subarray(AT, AT + 19_200).forEach((x, i, part) => (part[i] = Math.max(-1, Math.min(1, 6 * x)))),
      ),
  },
  {
    kind: 'bandwidth-drop',
    what: 'highs that are missing from there on',
    make: (sound) => sound.forEach((side) => withoutHighs(side, AT)),
  },
];

/** Averages over 12 samples, twice: hardly anything above 4 kHz is left. */
function withoutHighs(side: Float32Array, from: number): void {
  const length = 12;
  for (let pass = 0; pass < 2; pass++) {
    const before = side.slice();
    for (let i = from; i < side.length; i++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += before[i - length / 2 + k] ?? 0;
      side[i] = sum / length;
    }
  }
}

describe.each(cases)('$what against the reference', ({ kind, make }) => {
  it(`is a ${kind} at its place, and the only finding of it`, async () => {
    const sound = copy();
    make(sound);
    const found = (await findings([...pcmEvents(sound)])).filter(({ severity }) => severity !== 'info');
    expect(found).toMatchObject([{ kind, isByReference: true }]);
    expect(Math.abs(found[0]!.timeMs - (AT * 1000) / RATE)).toBeLessThan(FRAME_MS);
  });

  it(`is a ${kind} at its place in AAC, too`, async () => {
    const sound = copy();
    make(sound);
    const { capture, atMs } = encoded(sound);
    const found = (await findings(capture)).find((one) => one.kind === kind && one.isByReference);
    expect(found).toBeDefined();
    expect(Math.abs(found!.timeMs - atMs)).toBeLessThan(FRAME_MS);
  });
});

describe('what the reference has, too', () => {
  it('is info, with that as its reason', async () => {
    const cut = copy();
    for (const side of cut) side.fill(0, AT, AT + 1920);
    await writeReference('cut.wav', cut);
    const capture = [...pcmEvents(cut)];
    expect(await findings(capture, 'source.wav')).toMatchObject([{ kind: 'gap', severity: 'major' }]);
    expect(await findings(capture, 'cut.wav')).toMatchObject([
      { kind: 'gap', severity: 'info', reason: 'the reference has the same: it is in the source' },
    ]);
  });
});

describe('against a reference', () => {
  it('silence right before a sound that is far softer is a silence-run, and no change of level', async () => {
    const soft = copy();
    for (const side of soft) side.subarray(AT + 600).forEach((x, i, rest) => (rest[i] = x / 30));
    await writeReference('soft.wav', soft);
    const cut: Stereo = [soft[0].slice(), soft[1].slice()];
    for (const side of cut) side.fill(0, AT, AT + 14_400);
    expect(await findings([...pcmEvents(cut)], 'soft.wav')).toMatchObject([{ kind: 'silence-run' }]);
  });

  it('sound that is only softer for a moment is no gap', async () => {
    const softer = copy();
    for (const side of softer) side.subarray(AT, AT + 1440).forEach((x, i, part) => (part[i] = 0.35 * x));
    const found = await findings([...pcmEvents(softer)]);
    expect(found.filter(({ kind }) => kind === 'gap' || kind === 'silence-run')).toEqual([]);
    expect(found).not.toEqual([]);
  });

  it('highs that come with notes are missed from the first note on that lacks them', async () => {
    const every = RATE / 2;
    const notes = [1, 2].map((seed) => {
      const strike = noise(every, seed, 0.2).map((x, i) => x * Math.exp(-i / 300));
      return Float32Array.from(
        { length: SECONDS * RATE },
        (_, i) => 0.2 * Math.sin((2 * Math.PI * 300 * i) / RATE) + strike[i % every]!,
      );
    }) as unknown as Stereo;
    await writeReference('notes.wav', notes);
    const dull: Stereo = [notes[0].slice(), notes[1].slice()];
    // Long after the note at 4 s.
    for (const side of dull) withoutHighs(side, AT + RATE / 3);
    const found = (await findings([...pcmEvents(dull)], 'notes.wav')).filter((one) => one.isByReference);
    expect(found).toMatchObject([{ kind: 'bandwidth-drop' }]);
    expect(Math.abs(found[0]!.timeMs - 4500)).toBeLessThan(FRAME_MS);
  });

  it('a wrong sample that the sound drowns is told as info', async () => {
    const hiss = [1, 2].map((seed) => noise(SECONDS * RATE, seed, 0.3)) as unknown as Stereo;
    await writeReference('hiss.wav', hiss);
    const wrong: Stereo = [hiss[0].slice(), hiss[1].slice()];
    for (const side of wrong) side[AT]! += 0.1;
    expect(await findings([...pcmEvents(wrong)], 'hiss.wav')).toMatchObject([
      { kind: 'click', severity: 'info', reason: 'the sound masks it' },
    ]);
  });
});

describe('a capture with defects everywhere', () => {
  it('is found in its reference by a stretch without one', async () => {
    const at = [1.5, 3.2, 4.9, 6.6].map((seconds) => Math.round(seconds * RATE));
    const parts = source.map((side) => {
      const out: number[] = [];
      let from = 0;
      for (const to of at) {
        out.push(...side.subarray(from, to));
        from = to + 240;
      }
      return Float32Array.from([...out, ...side.subarray(from)]);
    });
    const found = await findings([...pcmEvents(parts)]);
    const cuts = found.filter(({ kind }) => kind === 'skip');
    expect(cuts.map(({ measured }) => measured.lostSamples)).toEqual(at.map(() => 240));
  });
});
