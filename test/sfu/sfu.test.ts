import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { packetizeH264 } from '../../src/rtp/h264/packetizer.js';
import { startsKeyframe } from '../../src/rtp/h264/payload.js';
import type { RtpPacket } from '../../src/rtp/packet.js';
import { buildNack } from '../../src/rtp/rtcp-build.js';
import { parseRtcp } from '../../src/rtp/rtcp.js';
import { RtcClient } from '../../src/webrtc/rtc-client.js';
import { waitFor } from '../peers/wait-for.js';
import { Broadcaster } from './broadcaster.js';
import { h264Clip, opusUnit } from './clip.js';
import { Endpoint } from './endpoint.js';

/** PLIs are repeated every 300 ms; timers and ticks of a busy machine move each by some tens. */
const REPEAT_MS = { least: 250, most: 600 };
/** What one viewer's NACKs may cause: a burst, and a rate (src/sfu/retransmitter.ts), with a second to spare. */
const RETRANSMISSIONS = { burst: 300, perSecond: 600 };
/** Both tracks are sent at the same instants: their pts differ by scheduling and by the slew of pictures only. */
const SKEW_TOLERANCE_MS = 30;

const clip = h264Clip({ width: 320, height: 180, pictures: 60, gop: 30 });
const picture = (i: number) => ({ ...clip[i % clip.length]!, pts: i * 3_000, dts: i * 3_000 });

let endpoint: Endpoint;
let closers: (() => Promise<void>)[];
let sending: Disposable[];

beforeEach(async () => {
  endpoint = await Endpoint.open();
  closers = [];
  sending = [];
});
afterEach(async () => {
  for (const each of sending) each[Symbol.dispose]();
  for (const close of closers) await close();
  await endpoint.close();
});

/** Calls `step` at 30 per second until the test ends. */
function send(step: (index: number) => void): void {
  sending.push(Broadcaster.every33ms(step));
}

async function broadcaster(): Promise<Broadcaster> {
  const opened = await Broadcaster.open(`${endpoint.url}/whip`);
  closers.push(() => opened.close());
  return opened;
}

interface Viewer {
  readonly client: RtcClient;
  readonly video: RtpPacket[];
  readonly repairs: RtpPacket[];
}

async function viewer(source = 'latest'): Promise<Viewer> {
  const client = await RtcClient.play({ url: `${endpoint.url}/whep/${source}`, timeoutMs: 30_000 });
  closers.push(() => client.close());
  const seen: Viewer = { client, video: [], repairs: [] };
  client.on('rtp', (packet, kind, isRtx) => {
    if (kind === 'video')
      (isRtx ? seen.repairs : seen.video).push({ ...packet, payload: Buffer.from(packet.payload) });
  });
  return seen;
}

function collect(index = 0): AccessUnit[] {
  const units: AccessUnit[] = [];
  endpoint.publications[index]!.on('unit', (unit) => units.push(unit));
  return units;
}

describe('Sfu', () => {
  it('aligns the tracks of a publisher that sends no sender reports by their arrival', async () => {
    const publisher = await broadcaster();
    const units = collect();
    let samples = 0;
    send((i) => {
      for (; samples <= (i * 48_000) / 30; samples += 960) publisher.audio(opusUnit(samples));
      publisher.video(picture(i));
    });
    await waitFor(
      'three seconds of pictures',
      () => units.filter(({ kind }) => kind === 'video').length > 90,
    );
    expect(endpoint.publications[0]!.stats().hasSenderReports).toBe(false);
    const audio = units.filter(({ kind }) => kind === 'audio');
    expect(audio.slice(1).every((unit, i) => unit.pts - audio[i]!.pts === 960)).toBe(true);
    const video = units.filter(({ kind }) => kind === 'video');
    const skewMs = video[60]!.pts / 90 - (audio[0]!.pts / 48 + 2_000);
    expect(Math.abs(skewMs)).toBeLessThan(SKEW_TOLERANCE_MS);
    expect(video.map((unit) => unit.data)).toEqual(video.map((_unit, i) => picture(i).data));
  });

  it('asks for an IDR every 300 ms until it is in, then no more', async () => {
    const publisher = await broadcaster();
    const units = collect();
    let wanted = 1;
    const withoutIdrs = Broadcaster.every33ms(() => {
      const isIdr = clip[wanted % clip.length]!.isIdr;
      if (!isIdr) publisher.video(picture(wanted));
      wanted++;
    });
    await waitFor('four PLIs', () => publisher.plis.length >= 4);
    withoutIdrs[Symbol.dispose]();
    const gaps = publisher.plis.slice(1).map(({ atUs }, i) => (atUs - publisher.plis[i]!.atUs) / 1_000);
    expect(Math.min(...gaps)).toBeGreaterThan(REPEAT_MS.least);
    expect(Math.max(...gaps)).toBeLessThan(REPEAT_MS.most);
    expect(units).toEqual([]);
    const at = Math.ceil(wanted / 30) * 30;
    for (let i = 0; i < 25; i++) publisher.video(picture(at + i));
    await waitFor('pictures', () => units.length === 25);
    expect(units[0]).toMatchObject({ kind: 'video', isIdr: true });
    const { plisSent } = endpoint.publications[0]!.stats().video!;
    await waitFor('a receiver report after the IDR', () =>
      publisher.received.some(
        ({ packet, atUs }) => packet.type === 'rr' && atUs > publisher.plis.at(-1)!.atUs + 1e6,
      ),
    );
    expect(endpoint.publications[0]!.stats().video!.plisSent).toBe(plisSent);
  });

  it('asks again for what was lost, puts it in its place, and hands it on to viewers', async () => {
    const publisher = await broadcaster();
    const units = collect();
    const watching = await viewer();
    let sequence = 65_500;
    const packets = clip.slice(0, 30).flatMap((unit) => {
      const payloads = packetizeH264(unit);
      return payloads.map((payload, i) => ({
        sequenceNumber: sequence++ & 0xffff,
        timestamp: unit.pts,
        marker: i === payloads.length - 1,
        payload,
      }));
    });
    const lost = packets.filter((_packet, i) => i % 10 === 7);
    for (const packet of packets) if (!lost.includes(packet)) publisher.send('video', packet);
    const asked = (): number[] =>
      publisher.received.flatMap(({ packet }) => (packet.type === 'nack' ? [...packet.lost] : []));
    await waitFor('NACKs for all', () => lost.every(({ sequenceNumber: each }) => asked().includes(each)));
    for (const packet of lost) publisher.send('video', packet);
    await waitFor('all pictures', () => units.length === 30);
    expect(units.every((unit, i) => unit.data.equals(clip[i]!.data))).toBe(true);
    expect(endpoint.publications[0]!.stats().video).toMatchObject({
      lost: 0,
      recovered: lost.length,
      droppedPictures: 0,
    });
    await waitFor('all packets at the viewer', () => watching.video.length === packets.length);
  });

  it('begins a viewer at a keyframe and tells it the time in sender reports', async () => {
    const publisher = await broadcaster();
    const reports: number[] = [];
    send((i) => publisher.video(picture(i)));
    await waitFor('a running stream', () => endpoint.publications[0]!.stats().video!.units > 10);
    const watching = await viewer();
    watching.client.on('rtcp', (compound) => {
      for (const packet of parseRtcp(compound)) if (packet.type === 'sr') reports.push(packet.ssrc);
    });
    await waitFor('packets', () => watching.video.length > 10);
    expect(startsKeyframe(watching.video[0]!.payload)).toBe(true);
    const steps = watching.video
      .slice(1)
      .map(({ sequenceNumber }, i) => (sequenceNumber - watching.video[i]!.sequenceNumber) & 0xffff);
    expect(new Set(steps)).toEqual(new Set([1]));
    await waitFor(
      'a sender report',
      () => reports.includes(watching.client.media.video!.ssrc ?? watching.video[0]!.ssrc),
      { timeoutMs: 12_000 },
    );
  });

  it('bounds what a viewer can cause with NACKs, while another viewer misses nothing', async () => {
    const publisher = await broadcaster();
    const hostile = await viewer();
    const other = await viewer();
    send((i) => publisher.video(picture(i)));
    await waitFor('a stream', () => hostile.video.length > 120);
    const beginUs = performance.now() * 1_000;
    const ssrc = hostile.video[0]!.ssrc;
    for (let round = 0; round < 200; round++) {
      const newest = hostile.video.at(-1)!.sequenceNumber;
      const all = Array.from({ length: 100 }, (_unused, i) => (newest - 99 + i) & 0xffff);
      hostile.client.sendRtcp(buildNack(1, ssrc, all));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const sub = endpoint.subscriptions[0]!;
    await waitFor('refusals', () => sub.stats().refused > 1_000);
    const seconds = (performance.now() * 1_000 - beginUs) / 1e6;
    expect(sub.stats().retransmitted).toBeGreaterThan(0);
    expect(sub.stats().retransmitted).toBeLessThanOrEqual(
      RETRANSMISSIONS.burst + RETRANSMISSIONS.perSecond * (seconds + 1),
    );
    const before = other.video.length;
    await waitFor('more for the other', () => other.video.length > before + 60);
    const steps = other.video
      .slice(1)
      .map(({ sequenceNumber }, i) => (sequenceNumber - other.video[i]!.sequenceNumber) & 0xffff);
    expect(new Set(steps)).toEqual(new Set([1]));
  });

  it('survives damaged RTP and RTCP from one publisher, and the other goes on', async () => {
    const bad = await broadcaster();
    const good = await broadcaster();
    const units = collect(1);
    send((i) => {
      good.video(picture(i));
      const noise = Buffer.from(Array.from({ length: 40 }, (_unused, k) => (i * 31 + k * 17) & 0xff));
      bad.send('video', {
        sequenceNumber: (i * 7_919) & 0xffff,
        timestamp: (i * 2_654_435_761) >>> 0,
        marker: i % 2 === 0,
        payload: noise,
      });
      bad.send('audio', {
        sequenceNumber: i & 0xffff,
        timestamp: i,
        marker: false,
        payload: noise.subarray(0, i % 5),
      });
      noise.set([0x80 | (i & 0x1f), 200 + (i % 8), 0, i % 12]);
      bad.client.sendRtcp(noise);
    });
    await waitFor('a hundred good pictures', () => units.length > 100);
    expect(endpoint.publications.map(({ closed }) => closed)).toEqual([false, false]);
    expect(endpoint.publications[0]!.stats().video!.units).toBe(0);
  });

  it('ends only the publication whose handling fails', async () => {
    const first = await broadcaster();
    const second = await broadcaster();
    const units = collect(1);
    endpoint.publications[0]!.on('unit', () => {
      throw new Error('a defect');
    });
    send((i) => {
      first.video(picture(i));
      second.video(picture(i));
    });
    await waitFor('the first to end', () => endpoint.publications[0]!.closed);
    const before = units.length;
    await waitFor('the second to go on', () => units.length > before + 30);
  });

  it('says when a publisher falls silent and when it is back, without ending it', async () => {
    const publisher = await broadcaster();
    const events: string[] = [];
    endpoint.publications[0]!.on('silent', () => events.push('silent')).on('active', () =>
      events.push('active'),
    );
    publisher.video(picture(0));
    await waitFor('silence', () => events.includes('silent'));
    expect(endpoint.publications[0]!.closed).toBe(false);
    publisher.video(picture(1));
    await waitFor('activity', () => events.includes('active'));
    expect(events).toEqual(['silent', 'active']);
  });

  it('closes viewers with their publication, and forgets both', async () => {
    const publisher = await broadcaster();
    await viewer();
    const closed: string[] = [];
    endpoint.subscriptions[0]!.on('closed', (reason) => closed.push(reason));
    await publisher.close();
    await waitFor('the viewer to be closed', () => closed.length === 1);
    expect(closed[0]).toMatch(/^source /);
    expect(endpoint.sfu.publications.size + endpoint.sfu.subscriptions.size).toBe(0);
  });
});
