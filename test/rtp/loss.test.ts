import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NackGenerator } from '../../src/rtp/nack-generator.js';
import { Reception } from '../../src/rtp/reception.js';
import { ReorderBuffer } from '../../src/rtp/reorder-buffer.js';

describe('ReorderBuffer', () => {
  const limits = { maxWaitUs: 100_000, maxPackets: 50 };

  it('passes packets in order at once', () => {
    const buffer = new ReorderBuffer<string>(limits);
    for (let i = 0; i < 5; i++) {
      expect(buffer.push(i, `p${i}`, i)).toEqual([{ sequence: i, item: `p${i}`, lostBefore: 0 }]);
    }
  });

  it('gives back any shuffling within its bounds in order, each once, and loses nothing', () => {
    const shuffled = fc
      .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 200 })
      .map((delays) =>
        delays
          .map((delay, i) => ({ i, at: i + delay }))
          .sort((a, b) => a.at - b.at || a.i - b.i)
          .map(({ i }) => i),
      );
    fc.assert(
      fc.property(shuffled, (order) => {
        const buffer = new ReorderBuffer<number>(limits);
        // The first packet defines where the stream begins.
        const out = buffer
          .push(-1, -1, 0)
          .concat(order.flatMap((i) => [...buffer.push(i, i, 1), ...buffer.push(i, i, 1)]));
        expect(out.map(({ item }) => item)).toEqual([-1, ...order.map((_, i) => i)]);
        expect(out.every(({ lostBefore }) => lostBefore === 0)).toBe(true);
      }),
    );
  });

  it('gives a gap up after the wait, not before, and says how much is missing', () => {
    const buffer = new ReorderBuffer<string>(limits);
    buffer.push(1, 'a', 0);
    buffer.push(4, 'd', 10_000);
    buffer.push(5, 'e', 60_000);
    buffer.push(8, 'h', 90_000);
    expect(buffer.expire(109_999)).toEqual([]);
    expect(buffer.expire(110_000)).toEqual([
      { sequence: 4, item: 'd', lostBefore: 2 },
      { sequence: 5, item: 'e', lostBefore: 0 },
    ]);
    expect(buffer.push(3, 'late', 120_000)).toEqual([]);
    expect(buffer.expire(190_000)).toEqual([{ sequence: 8, item: 'h', lostBefore: 2 }]);
  });

  it('never holds more than its bound', () => {
    const buffer = new ReorderBuffer<number>(limits);
    buffer.push(0, 0, 0);
    for (let i = 2; i < 500; i += 2) {
      buffer.push(i, i, 1);
      expect(buffer.waiting).toBeLessThanOrEqual(limits.maxPackets);
    }
  });

  it('goes on after a jump of the sender, marked as loss', () => {
    const buffer = new ReorderBuffer<string>(limits);
    buffer.push(1, 'a', 0);
    expect(buffer.push(50_000, 'b', 1)).toEqual([{ sequence: 50_000, item: 'b', lostBefore: 1 }]);
    expect(buffer.push(50_001, 'c', 2)).toHaveLength(1);
  });
});

describe('NackGenerator', () => {
  it('asks at once, then again only after the round trip it has measured', () => {
    const nack = new NackGenerator();
    nack.received(1, 0);
    nack.received(3, 0);
    expect(nack.due(0)).toEqual([2]);
    expect(nack.received(2, 200_000)).toBe(true);
    expect(nack.rttUs).toBe(200_000);
    nack.received(5, 300_000);
    expect(nack.due(300_000)).toEqual([4]);
    expect(nack.due(300_000 + 249_999)).toEqual([]);
    expect(nack.due(300_000 + 250_000)).toEqual([4]);
  });

  it('stops asking after its tries', () => {
    const nack = new NackGenerator({ maxTries: 3, maxAgeUs: 1e9 });
    nack.received(1, 0);
    nack.received(3, 0);
    let asked = 0;
    for (let at = 0; at < 5_000_000; at += 10_000) asked += nack.due(at).length;
    expect(asked).toBe(3);
    expect(nack.missingCount).toBe(0);
  });

  it('takes a jump for a jump: nothing is asked for, and later losses still are', () => {
    const nack = new NackGenerator();
    nack.received(100, 0);
    nack.received(40_000, 0);
    expect(nack.due(0)).toEqual([]);
    nack.received(40_002, 0);
    expect(nack.due(0)).toEqual([40_001]);
    nack.received(5, 0);
    nack.received(7, 0);
    expect(nack.due(0)).toEqual([6]);
  });

  it('never remembers more than its bound, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -70_000, max: 70_000 }), { maxLength: 300 }), (sequences) => {
        const nack = new NackGenerator({ maxMissing: 64 });
        for (const sequence of sequences) {
          nack.received(sequence, 0);
          expect(nack.missingCount).toBeLessThanOrEqual(64);
        }
      }),
    );
  });
});

describe('Reception', () => {
  it('reports loss since the last report, in total, and the jitter of RFC 3550', () => {
    const reception = new Reception(90_000);
    for (let i = 0; i < 100; i++) if (i % 4 !== 1) reception.received(i, i * 900, i * 10_000);
    const first = reception.report(7, 1_000_000)!;
    expect(first).toMatchObject({
      ssrc: 7,
      fractionLost: 64,
      cumulativeLost: 25,
      highestSequence: 99,
      jitter: 0,
    });
    for (let i = 100; i < 110; i++) reception.received(i, i * 900, i * 10_000);
    expect(reception.report(7, 1_100_000)).toMatchObject({ fractionLost: 0, cumulativeLost: 25 });
  });

  it('refers to the last sender report', () => {
    const reception = new Reception(90_000);
    reception.received(1, 0, 0);
    reception.senderReport(5_500_000, 1_000_000);
    const block = reception.report(7, 1_500_000)!;
    expect(block.lastSenderReport).toBe(5 * 65_536 + 32_768);
    expect(block.delaySinceLastSenderReport).toBe(32_768);
  });
});
