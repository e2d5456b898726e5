import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TwccGenerator } from '../../src/rtp/twcc-generator.js';

/** Feedback counts in ticks of this; rounding may cost half of it either way. */
const TICK_US = 250;

/**
 * A decoder of its own, written from the draft: bytes → arrival per 16-bit sequence number, undefined for "not
 * received". Shares nothing with what is tested.
 */
function decode(packet: Buffer): Map<number, number | undefined> {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  expect(view.getUint8(0) & 0x1f).toBe(15);
  expect(view.getUint8(1)).toBe(205);
  expect((view.getUint16(2) + 1) * 4).toBe(packet.length);
  const base = view.getUint16(12);
  const count = view.getUint16(14);
  let timeUs = ((view.getUint8(16) << 16) | (view.getUint8(17) << 8) | view.getUint8(18)) * 64_000;
  const symbols: number[] = [];
  let at = 20;
  for (; symbols.length < count; at += 2) {
    const bits = view.getUint16(at).toString(2).padStart(16, '0');
    if (bits[0] === '0') {
      const run = parseInt(bits.slice(3), 2);
      for (let i = 0; i < run; i++) symbols.push(parseInt(bits.slice(1, 3), 2));
    } else if (bits[1] === '0') {
      for (const bit of bits.slice(2)) symbols.push(Number(bit));
    } else {
      for (let i = 2; i < 16; i += 2) symbols.push(parseInt(bits.slice(i, i + 2), 2));
    }
  }
  const arrivals = new Map<number, number | undefined>();
  for (let i = 0; i < count; i++) {
    const sequence = (base + i) & 0xffff;
    if (symbols[i] === 0) {
      arrivals.set(sequence, undefined);
      continue;
    }
    timeUs += TICK_US * (symbols[i] === 1 ? view.getUint8(at) : view.getInt16(at));
    at += symbols[i] === 1 ? 1 : 2;
    arrivals.set(sequence, timeUs);
  }
  const padding = view.getUint8(0) & 0x20 ? view.getUint8(packet.length - 1) : 0;
  expect(at + padding).toBe(packet.length);
  return arrivals;
}

describe('Transport-wide congestion feedback', () => {
  it('tells each arrival within a tick and each gap as not received, across the wrap', () => {
    const trace = fc.record({
      start: fc.nat(0xffff),
      steps: fc.array(
        fc.record({ gap: fc.integer({ min: 1, max: 12 }), us: fc.integer({ min: 0, max: 9_000_000 }) }),
        { minLength: 1, maxLength: 300 },
      ),
    });
    fc.assert(
      fc.property(trace, ({ start, steps }) => {
        const generator = new TwccGenerator(1);
        const sent = new Map<number, number>();
        let sequence = start;
        let atUs = 64_000 * 100 + 17;
        for (const { gap, us } of steps) {
          sequence = (sequence + gap) & 0xffff;
          atUs += us;
          sent.set(sequence, atUs);
          generator.add(sequence, atUs);
        }
        const told = new Map<number, number | undefined>();
        for (const packet of generator.flush(2))
          for (const [key, value] of decode(packet)) told.set(key, value);
        const received = [...told].filter(([, value]) => value !== undefined);
        expect(received.map(([key]) => key)).toEqual([...sent.keys()]);
        for (const [key, value] of received) {
          expect(Math.abs(value! - sent.get(key)!)).toBeLessThanOrEqual(TICK_US / 2);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('reports what is still missing, then corrects itself when it comes late', () => {
    const generator = new TwccGenerator(1);
    for (const sequence of [10, 11, 13]) generator.add(sequence, 1_000_000 + sequence * 1_000);
    const first = generator.flush(2).map(decode);
    expect(first).toHaveLength(1);
    expect(first[0]!.get(12)).toBeUndefined();
    expect([...first[0]!.keys()]).toEqual([10, 11, 12, 13]);
    generator.add(12, 1_100_000);
    generator.add(14, 1_100_250);
    const second = generator.flush(2).flatMap((packet) => [...decode(packet)]);
    expect(second.filter(([, at]) => at !== undefined)).toEqual([
      [12, 1_100_000],
      [14, 1_100_250],
    ]);
  });

  it('numbers its packets, and says nothing when nothing came', () => {
    const generator = new TwccGenerator(1);
    expect(generator.flush(2)).toEqual([]);
    const counts: number[] = [];
    for (let i = 0; i < 3; i++) {
      generator.add(i, i * 50_000);
      counts.push(...generator.flush(2).map((packet) => packet[19]!));
    }
    expect(counts).toEqual([0, 1, 2]);
  });

  it('starts afresh when the sender does, without a flood of gaps', () => {
    const generator = new TwccGenerator(1);
    generator.add(100, 1_000_000);
    generator.flush(2);
    generator.add(30_000, 1_050_000);
    const packets = generator.flush(2);
    expect(packets).toHaveLength(1);
    expect([...decode(packets[0]!).keys()]).toEqual([30_000]);
  });
});
