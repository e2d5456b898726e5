import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProgramUnit } from '../../src/media/program-sink.js';
import { RtmpTarget } from '../../src/publish/rtmp-target.js';
import type { RtmpTargetOptions } from '../../src/publish/rtmp-target-options.js';
import { RtmpServer, type RtmpPublication } from '../../src/rtmp/rtmp-server.js';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { largeVideo, picture, program } from '../container/units.js';
import { audioTiming, flvRoundingMs, probe, videoTiming } from '../peers/judge.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import { waitFor } from '../peers/wait-for.js';

/** Short waits between attempts, so that tests of many attempts do not take long. */
const quick = { initialMs: 50, maxMs: 200, healthyMs: 1_000 };
/** 30 pictures a second in whole milliseconds: 33 or 34, and two make "no gap". */
const TWO_PICTURES_MS = 67;

const open: { close(): Promise<unknown> }[] = [];
function opened<T extends { close(): Promise<unknown> }>(part: T): T {
  open.push(part);
  return part;
}
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** A program of endless length at a multiple of real speed, an IDR only where one is asked for and every `gop`. */
class Feed {
  readonly #targets: readonly RtmpTarget[];
  readonly #units: Generator<ProgramUnit>;
  readonly #timer: NodeJS.Timeout;
  #next: ProgramUnit;

  constructor(
    targets: readonly RtmpTarget[],
    options: { speed?: number; bytes?: number; gop?: number } = {},
  ) {
    const { speed = 1, bytes = 200, gop = 30 } = options;
    this.#targets = targets;
    this.#units = endless(bytes, gop);
    this.#next = this.#units.next().value as ProgramUnit;
    const started = performance.now();
    this.#timer = setInterval(() => this.#writeUntil(((performance.now() - started) * speed) / 1000), 5);
  }

  #writeUntil(seconds: number): void {
    while (timeOf(this.#next) <= seconds) {
      for (const target of this.#targets) target.write(this.#next);
      this.#next = this.#units.next().value as ProgramUnit;
    }
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return Promise.resolve();
  }
}

function timeOf(unit: ProgramUnit): number {
  return unit.kind === 'video' ? unit.dts / 90_000 : unit.pts / 48_000;
}

function* endless(bytes: number, gop: number): Generator<ProgramUnit> {
  // The program has been running for a while before a target joins.
  for (let second = 100; ; second += 8) {
    for (const unit of program(8, { startSeconds: second, bytes, gop })) {
      const shift = -100;
      yield unit.kind === 'video'
        ? { ...unit, dts: unit.dts + shift * 90_000, pts: unit.pts + shift * 90_000 }
        : { ...unit, pts: unit.pts + shift * 48_000 };
    }
  }
}

function openTarget(url: string, options: Partial<RtmpTargetOptions> = {}): RtmpTarget {
  return opened(RtmpTarget.open({ url, backoff: quick, ...options }));
}

const stateIs = (target: RtmpTarget, state: string, timeoutMs?: number): Promise<unknown> =>
  waitFor(`a target to be ${state}`, () => target.state === state, {
    state: () => target.stats(),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });

/** A server that takes connections and never reads a byte. */
async function stalledServer(): Promise<{ port: number; sockets: Socket[]; close(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return opened({
    port: (server.address() as AddressInfo).port,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

async function listenRtmp(options: { port?: number; tls?: { key: string; cert: string } } = {}) {
  const units: AccessUnit[] = [];
  const publications: RtmpPublication[] = [];
  const server = opened(
    await RtmpServer.open({ host: '127.0.0.1', port: 0, authorize: () => true, ...options }),
  );
  server.on('publish', (publication) => {
    publications.push(publication);
    publication.on('unit', (unit) => units.push(unit));
  });
  return { server, units, publications };
}

describe('a target that is nginx-rtmp', () => {
  test('records what was written: one connection, exact audio, even pictures, through a change of parameter sets', async () => {
    const nginx = opened(await NginxRtmp.open());
    const target = openTarget(nginx.url('steady'));
    let asked = 0;
    const asking = openTarget(nginx.url('asking'), { onKeyframeNeeded: () => asked++ });
    await waitFor('both to be connected', () => target.stats().connectedAtUs && asking.stats().connectedAtUs);
    const units = program(4, { startSeconds: 1000, bytes: 3000 }).map((unit) =>
      unit.kind === 'video' && unit.dts >= 1002 * 90_000 ? { ...unit, config: largeVideo } : unit,
    );
    for (const unit of units) target.write(unit);
    await stateIs(target, 'live');
    await waitFor('another request for an IDR', () => asked >= 2);
    expect(target.stats()).toMatchObject({ droppedUnits: 0, reconnects: 0, lastError: undefined });
    await target.close();
    const found = await probe(await nginx.recordingOf('steady'));
    expect(found.videoPackets).toHaveLength(units.filter(({ kind }) => kind === 'video').length);
    const video = videoTiming(found.videoPackets);
    expect(video).toMatchObject({ dtsBackward: 0, ptsRepeated: 0 });
    expect(video.maxStepMs).toBeLessThanOrEqual(34);
    const audio = audioTiming(found.audioPackets, 48_000);
    expect(audio.frames).toBe(units.filter(({ kind }) => kind === 'audio').length);
    expect(audio.maxDeviationMs).toBeLessThanOrEqual(flvRoundingMs);
    expect(nginx.publishesOf('steady')).toHaveLength(1);
    expect(target.state).toBe('idle');
  });

  test('comes back after a kill and a restart, with an IDR first', async () => {
    const nginx = opened(await NginxRtmp.open());
    const target = openTarget(nginx.url('restart'));
    const feed = opened(new Feed([target]));
    await stateIs(target, 'live');
    await nginx.kill();
    await stateIs(target, 'reconnecting');
    await nginx.start();
    await stateIs(target, 'live');
    const { unitsOut } = target.stats();
    await waitFor('two more seconds', () => target.stats().unitsOut > unitsOut + 150);
    expect(target.stats().reconnects).toBe(1);
    expect(target.stats().droppedUnits).toBeGreaterThan(0);
    expect(target.stats().lastError).toMatch(/^rtmp:\/\/127\.0\.0\.1/);
    await feed.close();
    await target.close();
    const last = await waitFor('the second recording', () => nginx.publishesOf('restart')[1]?.recording);
    const found = await probe(last);
    expect(videoTiming(found.videoPackets)).toMatchObject({ dtsBackward: 0, ptsRepeated: 0 });
    expect(found.videoPackets[0]?.isKey).toBe(true);
    expect(videoTiming(found.videoPackets).maxStepMs).toBeLessThanOrEqual(TWO_PICTURES_MS);
  });

  test('a refusal is told as the server said it, and tried again', async () => {
    const nginx = opened(await NginxRtmp.open({ refuse: ['secret-key'] }));
    const target = openTarget(nginx.url('secret-key'), { maxAttempts: 3 });
    await stateIs(target, 'failed');
    expect(target.stats().lastError).toMatch(/refused to publish|closed the connection/);
    expect(target.stats().lastError).not.toContain('secret-key');
    expect(nginx.connections).toHaveLength(3);
  });

  test('a key that is taken is told as BadName', async () => {
    const nginx = opened(await NginxRtmp.open());
    const first = openTarget(nginx.url('taken'));
    opened(new Feed([first]));
    await stateIs(first, 'live');
    const second = openTarget(nginx.url('taken'), { maxAttempts: 1 });
    await stateIs(second, 'failed');
    expect(second.stats().lastError).toMatch(/refused to publish: NetStream\.Publish\.BadName/);
    expect(first.state).toBe('live');
  });
});

describe('targets beside each other', () => {
  test('one that stalls, one that never answers and one that refuses leave the other as it is', async () => {
    const nginx = opened(await NginxRtmp.open());
    const stalling = opened(await NginxRtmp.open());
    const stalled = openTarget(stalling.url('stall'), {
      stallTimeoutMs: 1_500,
      queue: { maxMs: 1_000 },
    });
    const mute = await stalledServer();
    const unanswered = openTarget(`rtmp://127.0.0.1:${mute.port}/live/k`, { connectTimeoutMs: 400 });
    const gone = await stalledServer();
    await gone.close();
    const refused = openTarget(`rtmp://127.0.0.1:${gone.port}/live/k`);
    const steady = openTarget(nginx.url('steady'));
    await waitFor('both to connect', () => stalled.stats().connectedAtUs && steady.stats().connectedAtUs);
    // Enough to fill the sockets' buffers soon after the far end stops reading.
    const feed = opened(new Feed([stalled, unanswered, refused, steady], { bytes: 60_000 }));
    await waitFor('both to be live', () => stalled.state === 'live' && steady.state === 'live');
    stalling.stall();
    await stateIs(stalled, 'stalled', 30_000);
    await stateIs(stalled, 'reconnecting', 30_000);
    expect(stalled.stats().lastError).toMatch(/stalled, took no byte/);
    expect(stalled.stats().droppedUnits).toBeGreaterThan(0);
    expect(unanswered.stats().lastError).toMatch(/no answer within 400 ms/);
    expect(refused.stats().lastError).toMatch(/ECONNREFUSED/);
    expect(steady.stats()).toMatchObject({
      state: 'live',
      droppedUnits: 0,
      reconnects: 0,
      lastError: undefined,
    });
    await feed.close();
    await steady.close();
    const found = await probe(await nginx.recordingOf('steady'));
    expect(videoTiming(found.videoPackets).maxStepMs).toBeLessThanOrEqual(TWO_PICTURES_MS);
    expect(audioTiming(found.audioPackets, 48_000).maxDeviationMs).toBeLessThanOrEqual(flvRoundingMs);
  });

  test('one that is slow for a moment loses whole groups of pictures and keeps its connection', async () => {
    const nginx = opened(await NginxRtmp.open());
    const target = openTarget(nginx.url('slow'), { queue: { maxMs: 500 } });
    const feed = opened(new Feed([target], { bytes: 60_000, gop: 15 }));
    await stateIs(target, 'live');
    nginx.stall();
    await waitFor('units to be dropped', () => target.stats().droppedUnits > 60, { timeoutMs: 30_000 });
    nginx.resume();
    const { unitsOut } = target.stats();
    await waitFor('the flow to go on', () => target.stats().unitsOut > unitsOut + 200);
    expect(target.stats()).toMatchObject({ reconnects: 0, lastError: undefined });
    await feed.close();
    await target.close();
    const { videoPackets } = await probe(await nginx.recordingOf('slow'));
    const afterHoles = videoPackets.filter((packet, i) => {
      const former = videoPackets[i - 1];
      return former !== undefined && packet.dtsMs - former.dtsMs > TWO_PICTURES_MS;
    });
    expect(afterHoles.length).toBeGreaterThan(0);
    // What follows a hole can be decoded.
    expect(afterHoles.every(({ isKey }) => isKey)).toBe(true);
  });
});

describe('connections', () => {
  test('a lost one is made anew with headers, an IDR that is asked for until it comes, and times that go on', async () => {
    const first = await listenRtmp();
    let asked = 0;
    const target = openTarget(`rtmp://127.0.0.1:${first.server.port}/live/k`, {
      onKeyframeNeeded: () => asked++,
    });
    await waitFor('a connection', () => target.stats().connectedAtUs);
    target.write(picture({ dts: 900_000, isIdr: true }));
    target.write(picture({ dts: 903_000 }));
    await waitFor('two pictures', () => first.units.length === 2);
    const { port } = first.server;
    await first.server.close();
    await waitFor('the loss', () => target.state === 'reconnecting');
    target.write(picture({ dts: 906_000, isIdr: true }));
    const second = await listenRtmp({ port });
    asked = 0;
    await waitFor('three requests', () => asked >= 3);
    target.write(picture({ dts: 990_000 }));
    target.write(picture({ dts: 993_000, isIdr: true, config: largeVideo }));
    target.write(picture({ dts: 996_000, config: largeVideo }));
    await waitFor('two pictures', () => second.units.length === 2);
    expect(second.units.map((unit) => unit.kind === 'video' && [unit.dts, unit.config.width])).toEqual([
      // 93000 and 96000 less what rounding to milliseconds takes and gives.
      [1033 * 90, 640],
      [1067 * 90, 640],
    ]);
    expect(target.stats()).toMatchObject({ reconnects: 1, droppedUnits: 2 });
  });

  test('a unit is on the wire at once', async () => {
    const { server, units } = await listenRtmp();
    const target = openTarget(`rtmp://127.0.0.1:${server.port}/live/k`);
    await waitFor('a connection', () => target.stats().connectedAtUs);
    const delays: number[] = [];
    for (let i = 0; i < 100; i++) {
      const at = performance.now();
      target.write(picture({ dts: i * 3000, isIdr: i === 0, bytes: 10_000 }));
      await waitFor('it to arrive', () => units.length > i, { intervalMs: 0 });
      delays.push(performance.now() - at);
    }
    delays.sort((a, b) => a - b);
    // Nagle's algorithm with delayed acknowledgement would make it 40 ms.
    expect(delays[50]).toBeLessThan(20);
  });

  test('RTMPS: a trusted certificate is taken, an unknown one is refused', async () => {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const { server, units } = await listenRtmp({ tls: { key: pems.private, cert: pems.cert } });
    const url = `rtmps://127.0.0.1:${server.port}/live/k`;
    const trusting = openTarget(url, { ca: pems.cert });
    await waitFor('a connection', () => trusting.stats().connectedAtUs, { state: () => trusting.stats() });
    for (const unit of program(1)) trusting.write(unit);
    await waitFor('all units', () => units.length === program(1).length);
    const wary = openTarget(url, { maxAttempts: 1 });
    await stateIs(wary, 'failed');
    expect(wary.stats().lastError).toMatch(/certificate/);
  });

  test('closing sends what waits and says goodbye', async () => {
    const { server, units, publications } = await listenRtmp();
    const target = openTarget(`rtmp://127.0.0.1:${server.port}/live/k`);
    await waitFor('a connection', () => target.stats().connectedAtUs);
    const all = program(3, { bytes: 50_000 });
    for (const unit of all) target.write(unit);
    let ended: string | undefined;
    publications[0]?.on('closed', (reason) => (ended = reason));
    await target.close();
    await waitFor('the end', () => ended);
    expect(ended).toBe('unpublished');
    expect(units).toHaveLength(all.length);
  });
});
