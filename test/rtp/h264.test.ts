import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAvcc } from '../../src/codec/h264/avcc.js';
import { NalType, nalType, splitLengthPrefixed } from '../../src/codec/h264/nal.js';
import type { VideoUnit } from '../../src/media/access-unit.js';
import {
  H264Depacketizer,
  type DepacketizedPicture,
  type VideoPacket,
} from '../../src/rtp/h264/depacketizer.js';
import { packetizeH264 } from '../../src/rtp/h264/packetizer.js';
import { FU_A, STAP_A, startsKeyframe } from '../../src/rtp/h264/payload.js';
import { h264Clip } from '../sfu/clip.js';
import { anyDatagram } from './bytes.js';

const clip = h264Clip({ width: 320, height: 180, pictures: 45, gop: 15, bitrate: '2M' });
const small = h264Clip({ width: 160, height: 90, pictures: 5, gop: 5 });

function packets(units: readonly VideoUnit[], maxBytes = 1_200): VideoPacket[] {
  return units.flatMap((unit) => {
    const payloads = packetizeH264(unit, maxBytes);
    return payloads.map((payload, i) => ({
      timestamp: unit.pts,
      marker: i === payloads.length - 1,
      payload,
      arrivalUs: unit.pts,
    }));
  });
}

/** Feeds packets, those of `lost` (indices) left out. */
function receive(
  depacketizer: H264Depacketizer,
  list: readonly VideoPacket[],
  lost = new Set<number>(),
): DepacketizedPicture[] {
  const out: DepacketizedPicture[] = [];
  list.forEach((packet, i) => {
    if (!lost.has(i)) out.push(...depacketizer.push(packet, lost.has(i - 1)));
  });
  return out;
}

describe('H.264 over RTP', () => {
  it('brings every picture back byte for byte, at any payload size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 1_400 }), (maxBytes) => {
        const list = packets(clip, maxBytes);
        for (const { payload } of list) expect(payload.length).toBeLessThanOrEqual(maxBytes);
        const pictures = receive(new H264Depacketizer(), list);
        expect(pictures).toHaveLength(clip.length);
        expect(pictures.every(({ data }, i) => data.equals(clip[i]!.data))).toBe(true);
        expect(pictures.map(({ isIdr }) => isIdr)).toEqual(clip.map(({ isIdr }) => isIdr));
        expect(pictures[0]!.config).toEqual(clip[0]!.config);
        expect(new Set(pictures.map(({ config }) => config)).size).toBe(1);
      }),
      { numRuns: 20 },
    );
  });

  it('finds the end of a picture by the next timestamp where no marker comes', () => {
    const list = packets(clip).map((packet) => ({ ...packet, marker: false }));
    expect(receive(new H264Depacketizer(), list)).toHaveLength(clip.length - 1);
  });

  it('lets out nothing damaged: after a loss, nothing until the next undamaged IDR', () => {
    const list = packets(clip, 300);
    // SEI messages and repeated parameter sets may be lost without harm to any picture.
    const slices = (data: Buffer): string =>
      splitLengthPrefixed(data)
        .filter((nal) => nalType(nal) !== NalType.sei)
        .map((nal) => nal.toString('latin1'))
        .join();
    const isHarmless = ({ payload }: VideoPacket): boolean => {
      const type = payload[0]! & 0x1f;
      return type === STAP_A || (type === FU_A ? payload[1]! & 0x1f : type) === NalType.sei;
    };
    const originals = new Set(clip.map(({ data }) => slices(data)));
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(list.length - 1), { minLength: 1, maxLength: 8 }), (indices) => {
        const lost = new Set(indices);
        const depacketizer = new H264Depacketizer();
        const pictures = receive(depacketizer, list, lost);
        for (const { data } of pictures) expect(originals.has(slices(data))).toBe(true);
        const hurt = new Set(
          [...lost].filter((i) => !isHarmless(list[i]!)).map((i) => list[i]!.timestamp / 3_000),
        );
        const cameOut = new Set(pictures.map(({ timestamp }) => timestamp / 3_000));
        let decodable = false;
        clip.forEach((unit, i) => {
          if (unit.isIdr) decodable = true;
          if (hurt.has(i)) decodable = false;
          if (!decodable) expect(cameOut.has(i)).toBe(false);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('counts what it drops and says that it needs an IDR', () => {
    const depacketizer = new H264Depacketizer();
    expect(depacketizer.awaitingIdr).toBe(true);
    const list = packets(clip);
    const firstOfThird = list.findIndex(({ timestamp }) => timestamp === 2 * 3_000);
    const pictures = receive(depacketizer, list, new Set([firstOfThird]));
    expect(pictures[2]!.timestamp).toBe(15 * 3_000);
    expect(pictures[2]!.isIdr).toBe(true);
    expect(depacketizer.dropped).toBeGreaterThanOrEqual(12);
    expect(depacketizer.awaitingIdr).toBe(false);
  });

  it('takes parameter sets from the SDP where none come in band', () => {
    const { sps, pps } = parseAvcc(clip[0]!.config.avcc);
    const sprop = [...sps, ...pps].map((set) => set.toString('base64')).join(',');
    const list = packets(clip).filter(({ payload }) => (payload[0]! & 0x1f) !== 24);
    expect(receive(new H264Depacketizer(), list)).toEqual([]);
    const depacketizer = new H264Depacketizer(
      `packetization-mode=1;sprop-parameter-sets=${sprop};profile-level-id=42c00d`,
    );
    const pictures = receive(depacketizer, list);
    expect(pictures).toHaveLength(clip.length);
    expect(pictures[0]!.config).toMatchObject({ width: 320, height: 180 });
  });

  it('changes its configuration with the IDR that brings new parameter sets', () => {
    const later = small.map((unit) => ({ ...unit, pts: unit.pts + 1_000_000 }));
    const pictures = receive(new H264Depacketizer(), packets([...clip.slice(0, 3), ...later]));
    expect(pictures.map(({ config }) => config.width)).toEqual([320, 320, 320, ...small.map(() => 160)]);
  });

  it('takes apart an aggregation of slices too', () => {
    const nals = splitLengthPrefixed(small[1]!.data);
    const together = Buffer.concat([
      Buffer.from([0x78]),
      ...nals.flatMap((nal) => [Buffer.from([nal.length >> 8, nal.length & 0xff]), nal]),
    ]);
    const depacketizer = new H264Depacketizer();
    receive(depacketizer, packets([small[0]!]));
    const packet = { timestamp: 3_000, marker: true, payload: together, arrivalUs: 0 };
    expect(depacketizer.push(packet, false)[0]!.data).toEqual(small[1]!.data);
  });

  it('never throws, whatever the payloads are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyDatagram, fc.boolean(), fc.nat(3), fc.boolean()), { maxLength: 30 }),
        (list) => {
          const depacketizer = new H264Depacketizer();
          receive(depacketizer, packets(small));
          for (const [payload, marker, timestamp, lost] of list) {
            startsKeyframe(payload);
            depacketizer.push({ payload, marker, timestamp, arrivalUs: 0 }, lost);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('takes time in proportion to the size: ten thousand fragments of one picture are no feat', () => {
    const fragment = (i: number, last: number): Buffer => {
      const flags = (i === 0 ? 0x80 : 0) | (i === last ? 0x40 : 0);
      const out = Buffer.alloc(700, 1);
      out.set([0x7c, flags | 5, 0x88]);
      return out;
    };
    const depacketizer = new H264Depacketizer();
    receive(depacketizer, packets([small[0]!]));
    const last = 9_999;
    let pictures: DepacketizedPicture[] = [];
    for (let i = 0; i <= last; i++) {
      const packet = { timestamp: 9_000, marker: i === last, payload: fragment(i, last), arrivalUs: 0 };
      pictures = depacketizer.push(packet, false);
    }
    expect(pictures[0]!.data.length).toBe(4 + 1 + 10_000 * 698);
  });
});
