import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnchorNetError, MalformedMediaError } from '../../src/base/errors.js';
import { aacConfigFromAsc, aacSampleRates, buildAsc, parseAsc } from '../../src/codec/aac/asc.js';
import { codecString } from '../../src/codec/codec-string.js';
import { opusPacketChannels, opusPacketDuration } from '../../src/codec/opus/packet.js';

describe('AudioSpecificConfig', () => {
  test('what is built is read back', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 3, 4, 17, 23),
        fc.oneof(fc.constantFrom(...aacSampleRates), fc.integer({ min: 1, max: 0xffffff })),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(1024 as const, 960 as const),
        (objectType, sampleRate, channels, frameLength) => {
          const info = { objectType, sampleRate, channels, frameLength };
          expect(parseAsc(buildAsc(info))).toEqual(info);
        },
      ),
    );
  });

  test('the common two-byte forms are those of every encoder', () => {
    expect(buildAsc({ sampleRate: 48_000, channels: 2 })).toEqual(Buffer.from([0x11, 0x90]));
    expect(buildAsc({ sampleRate: 44_100, channels: 2 })).toEqual(Buffer.from([0x12, 0x10]));
    expect(aacConfigFromAsc(Buffer.from([0x12, 0x08]))).toMatchObject({ sampleRate: 44_100, channels: 1 });
  });

  test('HE-AAC is told apart in both ways of signalling', () => {
    // Explicit (AOT 5, 24 kHz core, 48 kHz out) and backward compatible with parametric stereo off.
    expect(parseAsc(Buffer.from([0x2b, 0x11, 0x88, 0x00]))).toMatchObject({
      objectType: 2,
      sampleRate: 24_000,
      extensionSampleRate: 48_000,
    });
    expect(parseAsc(Buffer.from([0x13, 0x10, 0x56, 0xe5, 0x98]))).toMatchObject({
      objectType: 2,
      sampleRate: 24_000,
      extensionSampleRate: 48_000,
    });
    expect(codecString(aacConfigFromAsc(Buffer.from([0x2b, 0x11, 0x88, 0x00])))).toBe('mp4a.40.5');
  });

  test('channels are counted in a program config element', () => {
    // AAC-LC 48 kHz, channelConfiguration 0; front: one pair, side 0, back: one pair, one LFE.
    const text =
      '00010' +
      '0011' +
      '0000' +
      '000' + // ASC, GASpecificConfig
      '0000' +
      '01' +
      '0011' +
      '0001' +
      '0000' +
      '0001' +
      '01' +
      '000' +
      '0000' +
      '000' + // counts, no mixdown
      '1' +
      '0000' +
      '1' +
      '0001' +
      '0000';
    const bytes = text.padEnd(Math.ceil(text.length / 8) * 8, '0').match(/.{8}/g) ?? [];
    expect(parseAsc(Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)))).channels).toBe(5);
  });

  test('random and truncated ones give a value or a MalformedMediaError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        try {
          expect(parseAsc(Buffer.from(bytes)).channels).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMediaError);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(() => parseAsc(Buffer.alloc(0))).toThrow(MalformedMediaError);
    expect(() => buildAsc({ sampleRate: 48_000, channels: 9 })).toThrow(AnchorNetError);
  });
});

describe('Opus packets', () => {
  test.each([2.5, 5, 10, 20, 40, 60, 80, 120])('durations of %s ms are those libopus was asked for', (ms) => {
    const output = execFileSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'sine=d=0.48:r=48000', '-c:a', 'libopus', '-ac', '2'],
      ...['-frame_duration', String(ms), '-page_duration', '1', '-f', 'ogg', '-'],
    ]);
    const packets = oggPackets(output).slice(2);
    expect(packets.length).toBeGreaterThanOrEqual(4);
    for (const packet of packets) {
      expect(opusPacketDuration(packet)).toBe(ms * 48);
      expect([1, 2]).toContain(opusPacketChannels(packet));
    }
  });

  test('any packet has 120 to 5760 samples or is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        try {
          const samples = opusPacketDuration(Buffer.from(bytes));
          expect(samples % 120).toBe(0);
          expect(samples).toBeGreaterThanOrEqual(120);
          expect(samples).toBeLessThanOrEqual(5760);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMediaError);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(() => opusPacketDuration(Buffer.alloc(0))).toThrow(MalformedMediaError);
    expect(() => opusPacketDuration(Buffer.from([0xff, 0]))).toThrow(MalformedMediaError);
  });
});

/** Packets of an Ogg stream whose packets do not span pages. */
function oggPackets(data: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let offset = 0; offset + 27 <= data.length;) {
    const segments = data.subarray(offset + 27, offset + 27 + (data[offset + 26] ?? 0));
    let position = offset + 27 + segments.length;
    let begin = position;
    for (const size of segments) {
      position += size;
      if (size < 255) {
        packets.push(data.subarray(begin, position));
        begin = position;
      }
    }
    offset = position;
  }
  return packets;
}
