import { describe, expect, it } from 'vitest';
import { parseAsc, aacConfigFromAsc, buildAsc } from '../../src/codec/aac/asc.js';
import { WindowSequence } from '../../src/codec/aac/channel-stream.js';
import { channelWindows, parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { noise, sine } from '../libav/signal.js';
import { aacClip, colourClip, red } from '../mix/clips.js';
import { analyseEvents, inMilliseconds, kindsOf } from './events.js';

const RATE = 48_000;

/** Tones with a sharp attack each half second, which makes encoders switch windows. */
function attacks(seconds: number, hz = 500): Float32Array {
  const signal = sine(seconds * RATE, hz, RATE, 0.1);
  for (let at = RATE / 2; at < signal.length - 2000; at += RATE / 2) {
    for (let i = 0; i < 900; i++) signal[at + i]! += 0.7 * Math.sin(i * i) * Math.exp(-i / 150);
  }
  return signal;
}

function encode(encoder: 'libfdk_aac' | 'aac', signal: Float32Array, bitrateBps = 96_000): AacUnit[] {
  const aac = AacEncoder.open({ encoder, sampleRate: RATE, channels: 1, bitrateBps });
  return [...aac.encode({ sampleRate: RATE, pts: 0, channels: [signal] }), ...aac.flush()];
}

/** Frames one after the other, on the grid. */
function stream(units: readonly AacUnit[]) {
  return units.map((unit, i) => inMilliseconds({ ...unit, pts: i * 1024 }, i));
}

const sequenceOf = (unit: AacUnit): WindowSequence =>
  channelWindows(parseRawDataBlock(unit.data, parseAsc(unit.config.asc)))[0]!.sequence;

describe('the bitstream', () => {
  it.each(['libfdk_aac', 'aac'] as const)('of %s has no finding of its own', (encoder) => {
    const { findings } = analyseEvents(stream(encode(encoder, sine(6 * RATE, 500, RATE, 0.2))));
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it.each(['libfdk_aac', 'aac'] as const)(
    'of %s without one of its frames has an illegal window',
    (encoder) => {
      const units = encode(encoder, attacks(4));
      const at = units.findIndex((unit, i) => i > 10 && sequenceOf(unit) === WindowSequence.longStart);
      expect(at).toBeGreaterThan(10);
      const cut = units.filter((_, i) => i !== at);
      const found = analyseEvents(stream(cut)).findings.filter(({ kind }) => kind === 'illegal-window');
      expect(found).toMatchObject([{ severity: 'major', unit: at, byteOffset: at * 1000 }]);
      expect(analyseEvents(stream(units)).findings.filter(({ kind }) => kind === 'illegal-window')).toEqual(
        [],
      );
    },
  );

  it.each(['libfdk_aac', 'aac'] as const)(
    'of %s whose frames are joined blindly has a bad seam where they meet, though every bit of it is legal',
    (encoder) => {
      const chord = (hz: number): Float32Array =>
        sine(2 * RATE, hz, RATE, 0.2).map((x, i) => x + 0.1 * Math.sin((2 * Math.PI * hz * 2.7 * i) / RATE));
      const isLong = (unit: AacUnit): boolean => sequenceOf(unit) === WindowSequence.onlyLong;
      const [first, second] = [chord(330), chord(410)].map((sound) => encode(encoder, sound).slice(20, -20));
      expect([...first!, ...second!].every(isLong)).toBe(true);
      const found = analyseEvents(stream([...first!, ...second!])).findings;
      expect(found.filter(({ severity }) => severity !== 'info')).toMatchObject([
        { kind: 'bad-seam', severity: 'major', unit: first!.length },
      ]);
    },
  );

  // Not libav's: it codes such a voice in short blocks alone.
  it('has a bad seam where a voice is joined blindly to a pause, and none where the voice itself breaks off', () => {
    const encoder = 'libfdk_aac';
    const room = noise(4 * RATE, 3, 2e-4);
    const voice = room.map((x, i) => {
      const t = (i % 400) / RATE;
      const ring = (hz: number, decay: number): number =>
        Math.exp(-decay * t) * Math.sin(2 * Math.PI * hz * t);
      return x + 0.2 * ring(700, 400) + 0.1 * ring(1800, 700);
    });
    const isSeam = ({ kind }: { kind: string }): boolean => kind === 'bad-seam';
    const before = encode(encoder, voice.subarray(0, 2 * RATE), 64_000).slice(20, -20);
    const after = encode(encoder, room.subarray(2 * RATE), 64_000).slice(20, -20);
    const found = analyseEvents(stream([...before, ...after])).findings;
    expect(found.filter(isSeam)).toMatchObject([{ severity: 'major', unit: before.length }]);
    // At many places of the frame grid.
    const broken = voice.map((x, i) => (i % 24_500 < 15_000 ? x : room[i]!));
    expect(analyseEvents(stream(encode(encoder, broken, 64_000))).findings.filter(isSeam)).toEqual([]);
  });

  it.each(['libfdk_aac', 'aac'] as const)(
    'of two streams of %s joined whole has the second one’s priming',
    (encoder) => {
      const first = encode(encoder, attacks(2));
      const second = encode(encoder, attacks(2, 700));
      const found = analyseEvents(stream([...first, ...second])).findings;
      expect(found.filter(({ kind }) => kind === 'priming-leak')).toMatchObject([
        { severity: 'major', unit: first.length },
      ]);
    },
  );

  it('of a long stream has the encoder’s mark at its period, which is no finding', () => {
    const { findings } = analyseEvents(stream(encode('aac', sine(16 * RATE, 500, RATE, 0.2))));
    expect(findings.filter(({ kind }) => kind === 'priming-leak')).toEqual([]);
  });

  it('that lost frames between two marks has gaps, and no other beginning', () => {
    const events = stream(encode('aac', sine(16 * RATE, 500, RATE, 0.2)));
    const isLost = (_: unknown, index: number): boolean => index % 40 === 20;
    const found = analyseEvents(events.filter((event, index) => !isLost(event, index))).findings;
    expect(found.filter(({ kind }) => kind === 'pts-gap')).toHaveLength(events.filter(isLost).length);
    expect(found.filter(({ kind }) => kind === 'priming-leak')).toEqual([]);
  });

  it('with a frame of garbage has a damaged frame where it is', () => {
    const units = encode('libfdk_aac', attacks(3));
    const garbage = Buffer.from(units[60]!.data.map((byte, i) => byte ^ (37 * i + 11)));
    const events = stream(units.map((unit, i) => (i === 60 ? { ...unit, data: garbage } : unit)));
    const found = analyseEvents(events).findings.filter(({ kind }) => kind === 'damaged-frame');
    expect(found).toMatchObject([{ severity: 'major', unit: 60 }]);
  });

  it('that changes its encoder has the change, as info', () => {
    const hiss = noise(3 * RATE, 5, 0.5);
    const units = [
      ...encode('libfdk_aac', hiss).slice(10, -10),
      ...encode('aac', hiss, 48_000).slice(10, -10),
    ];
    const found = analyseEvents(stream(units)).findings.filter(({ kind }) => kind === 'encoder-change');
    expect(found.every(({ severity }) => severity === 'info')).toBe(true);
    expect(found.length).toBeGreaterThan(0);
  });

  it('that changes its configuration has the change', () => {
    const mono = stream(aacClip(attacks(1), 1));
    const stereo = stream(aacClip(attacks(1), 2)).map((event, i) => ({
      ...event,
      place: { index: mono.length + i, byteOffset: undefined },
      stamp: { pts: 2000 + i * 21, dts: 2000 + i * 21, timescale: 1000 },
    }));
    const found = analyseEvents([...mono, ...stereo] as typeof mono).findings;
    expect(found.filter(({ kind }) => kind === 'config-change')).toMatchObject([
      { severity: 'major', unit: mono.length },
    ]);
  });

  it('of an unusual object type is heard, not parsed', () => {
    const config = aacConfigFromAsc(buildAsc({ objectType: 4, sampleRate: RATE, channels: 1 }));
    const units = encode('libfdk_aac', sine(RATE, 500, RATE, 0.2)).map((unit) => ({ ...unit, config }));
    expect(kindsOf(analyseEvents(stream(units)).findings)).not.toContain('illegal-window');
  });
});

describe('pictures', () => {
  const moving = (i: number) => ({ y: Math.round(100 + 50 * Math.sin(i / 3)), u: 128, v: 128 });
  const video = (units: ReturnType<typeof colourClip>) => units.map((unit, i) => inMilliseconds(unit, i));

  it('that move have no finding', () => {
    const clip = colourClip({ pictures: 90, colour: moving });
    expect(analyseEvents(video(clip), { pictures: true }).findings).toEqual([]);
  });

  it('that stand still between motion are frozen', () => {
    const clip = colourClip({ pictures: 160, colour: (i) => moving(i < 40 || i > 126 ? i : 40) });
    const { findings } = analyseEvents(video(clip), { pictures: true });
    expect(findings).toMatchObject([{ kind: 'freeze', severity: 'major' }]);
    expect(Math.abs(findings[0]!.timeMs - (40 * 1000) / 30)).toBeLessThan(40);
    expect(Math.abs(findings[0]!.durationMs - (87 * 1000) / 30)).toBeLessThan(40);
  });

  it('that stay the same from beginning to end are a slide', () => {
    const clip = colourClip({ pictures: 90, colour: red });
    const { findings } = analyseEvents(video(clip), { pictures: true });
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it('that go black between others are black', () => {
    const clip = colourClip({
      pictures: 90,
      colour: (i) => (i >= 40 && i < 60 ? { y: 16, u: 128, v: 128 } : moving(i)),
    });
    expect(analyseEvents(video(clip), { pictures: true }).findings).toMatchObject([
      { kind: 'black', severity: 'minor', unit: 40 },
    ]);
  });

  it('that begin without an IDR, or change their size, are told', () => {
    const small = colourClip({ pictures: 60, colour: moving });
    const large = colourClip({ pictures: 60, colour: moving, width: 640, height: 360 });
    const joined = [
      ...small.slice(3),
      ...large.map((unit) => ({ ...unit, pts: unit.pts + 180_000, dts: unit.dts + 180_000 })),
    ];
    const { findings } = analyseEvents(video(joined), { pictures: true });
    expect(kindsOf(findings)).toEqual(['missing-idr', 'resolution-change']);
    expect(findings[0]).toMatchObject({ unit: 0, measured: { pictures: 27 } });
    expect(findings[1]).toMatchObject({ unit: 57 });
  });

  it('that are damaged have a decode error', () => {
    const clip = colourClip({ pictures: 60, colour: moving });
    const broken = clip.map((unit, i) => {
      if (i !== 20) return unit;
      const data = Buffer.from(unit.data);
      data.fill(0xff, 6);
      return { ...unit, data };
    });
    const { findings } = analyseEvents(video(broken), { pictures: true });
    expect(kindsOf(findings)).toContain('decode-error');
    expect(findings.find(({ kind }) => kind === 'decode-error')?.unit).toBe(20);
  });
});
