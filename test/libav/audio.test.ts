import { describe, expect, it } from 'vitest';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import { OpusEncoder } from '../../src/libav/opus-encoder.js';
import { Resampler } from '../../src/libav/resampler.js';
import type { AudioUnit } from '../../src/media/access-unit.js';
import type { PcmBlock } from '../../src/media/pcm.js';
import { bestShift, block, cut, largestStep, lay, noise, sine } from './signal.js';

const RATE = 48_000;
const SECONDS = 2;
/** Noise at these bitrates comes back at more than this; a shift by one gives 0.85 of it. */
const SAME_SIGNAL = 0.97;

function decodeAll(units: readonly AudioUnit[], sampleRate = RATE, channels: 1 | 2 = 1): PcmBlock[] {
  const decoder = AudioDecoder.open({ sampleRate, channels });
  const blocks = units.flatMap((unit) => decoder.decode(unit) ?? []);
  decoder.close();
  return blocks;
}

describe.each(['libfdk_aac', 'aac'] as const)('AAC by %s', (encoder) => {
  const open = () => AacEncoder.open({ encoder, sampleRate: RATE, channels: 1, bitrateBps: 128_000 });

  it('stamps units with the true time of what they decode to, on one 1024 grid', () => {
    const signal = noise(RATE * SECONDS);
    const start = 123_456;
    const aac = open();
    const units = [...cut(signal, start, [960, 1, 441, 4000])].flatMap((pcm) => aac.encode(pcm));
    units.push(...aac.flush());
    expect(units[0]!.pts).toBe(start - aac.delaySamples);
    units.forEach((unit, i) => expect(unit.pts).toBe(start - aac.delaySamples + i * 1024));
    expect(units.at(-1)!.pts + 1024).toBeGreaterThanOrEqual(start + signal.length);
    const heard = lay(decodeAll(units), start, signal.length);
    const { shift, score } = bestShift(signal.subarray(0, RATE), heard, 30);
    expect(shift).toBe(0);
    expect(score).toBeGreaterThan(SAME_SIGNAL);
  });

  it('says its delay: fdk 2048, libav 1024', () => {
    const aac = open();
    expect(aac.delaySamples).toBe(encoder === 'aac' ? 1024 : 2048);
    expect(aac.config.asc).toEqual(Buffer.from([0x11, 0x88]));
    expect(aac.config).toMatchObject({ codec: 'aac', sampleRate: RATE, channels: 1 });
    aac.close();
    aac.close();
  });

  it('gives the same bytes for the same samples, however they are cut', () => {
    const signal = noise(RATE);
    const run = (lengths: number[]) => {
      const aac = open();
      const units = [...cut(signal, 0, lengths)].flatMap((pcm) => aac.encode(pcm));
      aac.close();
      return Buffer.concat(units.map((unit) => unit.data));
    };
    expect(run([1024]).equals(run([333, 7, 5000]))).toBe(true);
  });

  it('decodes to the same samples in arrays that are used again', () => {
    const aac = open();
    const units = [...aac.encode(block([noise(RATE)], 0)), ...aac.flush()];
    const decoder = AudioDecoder.open({ sampleRate: RATE, channels: 1, reuse: true });
    const arrays = new Set<Float32Array>();
    const heard = units.flatMap((unit) => {
      const [samples] = decoder.decode(unit)!.channels;
      arrays.add(samples!);
      return [...samples!];
    });
    decoder.close();
    expect(arrays.size).toBe(1);
    expect(heard).toEqual(decodeAll(units).flatMap(({ channels }) => [...channels[0]!]));
  });

  it('goes on after NaN and infinite samples', () => {
    const aac = open();
    const bad = new Float32Array(2048).fill(NaN).fill(Infinity, 1024);
    aac.encode(block([bad], 0));
    const signal = sine(RATE, 440, RATE);
    const units = [...cut(signal, 2048, [1024])].flatMap((pcm) => aac.encode(pcm));
    aac.close();
    const heard = lay(decodeAll(units), 2048 + 24_000, 9_600);
    expect(Math.max(...heard)).toBeGreaterThan(0.4);
  });

  it('fills a gap with silence and drops an overlap, so that its grid goes on', () => {
    const aac = open();
    const units = [
      ...aac.encode(block([noise(5000)], 0)),
      ...aac.encode(block([noise(5000)], 8000)),
      ...aac.encode(block([noise(5000)], 12_000)),
    ];
    const last = units.at(-1)!;
    expect(last.pts).toBe((units.length - 1) * 1024 - aac.delaySamples);
    expect(() => aac.encode(block([noise(10)], 17_000 + RATE * 61))).toThrow(/expected the next sample/);
    aac.close();
  });
});

describe('Opus', () => {
  const encode = (signal: Float32Array, pts: number): AudioUnit[] => {
    const opus = OpusEncoder.open({ channels: 1, bitrateBps: 96_000 });
    const units = [...cut(signal, pts, [1024])].flatMap((pcm) => opus.encode(pcm));
    opus.close();
    return units;
  };

  it('stamps packets with the true time of what they decode to', () => {
    const signal = noise(RATE * SECONDS);
    const units = encode(signal, 5_000);
    units.slice(1).forEach((unit, i) => expect(unit.pts - units[i]!.pts).toBe(960));
    const heard = lay(decodeAll(units), 5_000, signal.length);
    const { shift, score } = bestShift(signal.subarray(0, RATE), heard, 30);
    expect(shift).toBe(0);
    expect(score).toBeGreaterThan(SAME_SIGNAL);
  });

  it('takes PCM of 44.1 kHz and stamps it with the true time at 48 kHz', () => {
    // A tone that rises, so that only one shift fits.
    const rising = (rate: number): Float32Array =>
      Float32Array.from({ length: rate * SECONDS }, (_, n) => 0.4 * Math.sin(2_000 * (n / rate) ** 2));
    const opus = OpusEncoder.open({ channels: 1, bitrateBps: 96_000, inputRate: 44_100 });
    const start = 44_100 * 3;
    const units = [...cut(rising(44_100), start, [1024])].flatMap((pcm) =>
      opus.encode({ ...pcm, sampleRate: 44_100 }),
    );
    opus.close();
    units.slice(1).forEach((unit, i) => expect(unit.pts - units[i]!.pts).toBe(960));
    const wanted = rising(RATE);
    const heard = lay(decodeAll(units), RATE * 3, wanted.length);
    const from = RATE / 2;
    const { shift, score } = bestShift(wanted.subarray(from, 1.5 * RATE), heard.subarray(from), 30);
    expect(shift).toBe(0);
    expect(score).toBeGreaterThan(SAME_SIGNAL);
  });

  it('conceals lost packets without a hole in time or a click', () => {
    const frequency = 440;
    const signal = sine(RATE * SECONDS, frequency, RATE, 0.5);
    const units = encode(signal, 0).filter((_, i) => i !== 40 && i !== 60 && i !== 61);
    const decoder = AudioDecoder.open({ sampleRate: RATE, channels: 1 });
    const blocks = units.flatMap((unit) => decoder.decode(unit) ?? []);
    expect(decoder.stats).toMatchObject({ errors: 0, concealedSamples: 3 * 960 });
    blocks.slice(1).forEach((pcm, i) => {
      const before = blocks[i]!;
      expect(pcm.pts).toBe(before.pts + before.channels[0]!.length);
    });
    const heard = lay(blocks, 0, signal.length);
    // The steepest slope of the tone itself, with half again for the seam.
    const steepest = 0.5 * 2 * Math.PI * (frequency / RATE);
    expect(largestStep(heard, 10_000, 90_000)).toBeLessThan(steepest * 1.5);
    const lost = heard.subarray(40 * 960 - 312, 41 * 960 - 312);
    expect(Math.max(...lost), 'one lost packet of a tone is not silence').toBeGreaterThan(0.3);
    decoder.close();
  });

  it('leaves a long interruption to the caller', () => {
    const units = encode(noise(RATE), 0);
    const decoder = AudioDecoder.open({ sampleRate: RATE, channels: 1 });
    for (const unit of units.slice(0, 10)) decoder.decode(unit);
    const after = decoder.decode(units[30]!)!;
    expect(after.pts).toBe(units[30]!.pts);
    expect(after.channels[0]!.length).toBe(960);
    decoder.close();
  });
});

describe('decoding to another rate and channel count', () => {
  it('keeps the time of the samples from 44.1 kHz stereo to 48 kHz mono', () => {
    const samples = 44_100 * SECONDS;
    const low = sine(samples, 500, 44_100, 0.4);
    const aac = AacEncoder.open({ encoder: 'aac', sampleRate: 44_100, channels: 2, bitrateBps: 192_000 });
    const units = [...aac.encode({ sampleRate: 44_100, pts: 44_100, channels: [low, low] }), ...aac.flush()];
    const blocks = decodeAll(units, RATE, 1);
    blocks.slice(1).forEach((pcm, i) => {
      expect(pcm.pts).toBe(blocks[i]!.pts + blocks[i]!.channels[0]!.length);
    });
    const wanted = sine(RATE * SECONDS, 500, RATE, 0.4);
    const heard = lay(blocks, RATE, wanted.length);
    const { shift } = bestShift(wanted.subarray(0, RATE), heard, 20);
    expect(Math.abs(shift)).toBeLessThanOrEqual(1);
  });

  it('gives mono as two equal channels', () => {
    const aac = AacEncoder.open({ sampleRate: RATE, channels: 1, bitrateBps: 96_000 });
    const [pcm] = decodeAll(aac.encode(block([noise(RATE)], 0)), RATE, 2).slice(-1);
    expect(pcm!.channels).toHaveLength(2);
    expect(pcm!.channels[0]).toEqual(pcm!.channels[1]);
    aac.close();
  });

  it('resamples five channels down without touching memory it does not own', () => {
    const resampler = Resampler.open({
      inputRate: 44_100,
      inputChannels: 5,
      outputRate: RATE,
      outputChannels: 2,
    });
    let samples = 0;
    for (let i = 0; i < 50; i++) {
      samples += resampler.convert(Array.from({ length: 5 }, () => noise(441)))[0]!.length;
    }
    samples += resampler.flush()[0]!.length;
    expect(Math.abs(samples - 24_000)).toBeLessThanOrEqual(40);
    expect(() => resampler.convert([noise(4)])).toThrow(/expected 5 channels/);
    resampler.close();
    resampler.close();
  });
});
