import { createServer as createTlsServer } from 'node:tls';
import { writeFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Broadcaster } from '../../src/demo/broadcaster.js';
import type { TargetState, TargetView } from '../../src/serve/room-api.js';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import { freeTcpPort } from '../peers/free-port.js';
import { decodeErrors, probe, videoTiming } from '../peers/judge.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';
import { Aired, expectCleanDecoding, expectContinuousContent, expectUnbrokenTimes } from './aired.js';
import { whipClip } from './clips.js';
import { ServerProcess } from './server-process.js';
import { Show, smallPictures, streamKey } from './show.js';

const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
const loopPictures = clip.seconds * beepAndFlashDefaults.fps;
const beginningMs = 100;
/** Megabytes fit into the kernel's buffers before a peer that reads nothing is noticed: this fills them in seconds. */
const dense = { grain: 40, videoBitrateBps: 8_000_000 };
/** A peer that takes no byte is given up after ten seconds, and there is more than the usual to wait for. */
const stallMs = 25_000;

describe('one target, while others refuse, die, stall, come and go', () => {
  let show: Show;
  let other: NginxRtmp;
  let steady: TargetView;
  let aired: Aired;
  let refused: TargetView;
  let unreachable: TargetView;
  let moving: TargetView;
  let movingStates: TargetState[];

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    other = show.closing(await NginxRtmp.open({ refuse: ['refused'] }));
    const host = await show.host(await show.clip('host', { ...clip, ...dense }));
    await show.onAir('relay');
    await show.reachCdn();
    const target = (id: string): TargetView => {
      const found = show.room.view().targets.find((candidate) => candidate.id === id);
      if (found === undefined) throw new Error(`no target ${id}`);
      return found;
    };
    const reaches = (id: string, state: TargetState, timeoutMs = 15_000): Promise<unknown> =>
      waitFor(`target ${id} to be ${state}`, () => target(id).state === state, {
        timeoutMs,
        state: () => target(id),
      });

    const refusedId = (await show.room.addTarget({ url: other.url('refused') })).id;
    const nowhere = `rtmp://127.0.0.1:${await freeTcpPort()}/live/nowhere`;
    const unreachableId = (await show.room.addTarget({ url: nowhere })).id;
    const movingId = (await show.room.addTarget({ url: other.url('moving') })).id;
    await reaches(movingId, 'live');
    await reaches(refusedId, 'reconnecting');
    await reaches(unreachableId, 'reconnecting');
    await show.letRun(host, 30);

    await other.kill();
    await reaches(movingId, 'reconnecting');
    await other.start();
    await reaches(movingId, 'live');
    await show.letRun(host, 60);

    other.stall();
    await reaches(movingId, 'stalled', stallMs);
    await reaches(movingId, 'reconnecting', stallMs);
    other.resume();
    await reaches(movingId, 'live', stallMs);

    const passing = await show.room.addTarget({ url: show.cdn.url('passing') });
    await reaches(passing.id, 'live');
    await show.letRun(host, 30);
    await show.room.removeTarget(passing.id);
    await waitFor('its leaving', () => show.cdn.publishesOf('passing')[0]?.ended);
    await show.letRun(host, 30);

    moving = target(movingId);
    refused = target(refusedId);
    unreachable = target(unreachableId);
    steady = show.room.view().targets[0] ?? moving;
    movingStates = show.events.flatMap((event) =>
      event.type === 'target' && event.targetId === movingId ? [event.state] : [],
    );
    aired = await Aired.read(await show.recording());
  }, 150_000);
  afterAll(() => show.close());

  it('keeps its one connection and loses no unit', async () => {
    expect(show.cdn.publishesOf(streamKey)).toHaveLength(1);
    // The steady one and the one that was added and removed.
    expect(show.cdn.connections).toHaveLength(2);
    expect(steady).toMatchObject({ state: 'live', reconnects: 0, droppedUnits: 0, lastError: null });
    expectUnbrokenTimes(aired);
    await expectCleanDecoding(aired);
  });

  it('gets every picture and all of the sound', (context) => {
    show.skipWhenHeldUp(context);
    expectContinuousContent(aired, beginningMs, loopPictures);
    expect(aired.soundHoles(beginningMs)).toEqual([]);
  });

  it('has the others’ troubles told, with their reasons', () => {
    expect(refused).toMatchObject({ bytesOut: 0, droppedUnits: 0 });
    expect(refused.lastError).not.toBeNull();
    expect(unreachable.lastError).toMatch(/ECONNREFUSED/);
    expect(other.publishesOf('refused')).toEqual([]);
    expect(movingStates).toEqual(['live', 'reconnecting', 'live', 'stalled', 'reconnecting', 'live']);
    expect(moving.reconnects).toBe(2);
    expect(moving.droppedUnits).toBeGreaterThan(0);
  });

  it('is joined again by those that recover: from an IDR on, with times that went on', async () => {
    const later = other.publishesOf('moving').slice(1);
    expect(later).toHaveLength(2);
    for (const publish of later) {
      const path = await waitFor('the recording', () => publish.recording);
      const { videoPackets } = await probe(path);
      expect(videoPackets[0]?.isKey).toBe(true);
      expect(videoTiming(videoPackets)).toMatchObject({ dtsBackward: 0, ptsRepeated: 0 });
      expect(await decodeErrors(path)).toEqual([]);
    }
  });
});

describe('an RTMPS target', () => {
  it('takes the program when its certificate is trusted, and is refused when it is not', async () => {
    await using folder = await TempDir.open('rtmps');
    await using cdn = await NginxRtmp.open();
    // nginx has no RTMPS: a TLS terminator before it, as CDNs have.
    const [trusted, stranger] = await Promise.all([terminator(cdn.port), terminator(cdn.port)]);
    const authority = folder.file('ca.pem');
    await writeFile(authority, trusted.certificate);
    try {
      await using server = await ServerProcess.start({
        stateFolder: folder.file('state'),
        env: { NODE_EXTRA_CA_CERTS: authority },
      });
      await server.api('POST', '/rooms', { id: 'show', name: 'Show', settings: smallPictures });
      const keys = await server.api<{ hostKey: string }>('GET', '/rooms/show/keys');
      const secure = await server.api<{ id: string }>('POST', '/rooms/show/targets', {
        url: `rtmps://127.0.0.1:${trusted.port}/live/secure`,
      });
      const distrusted = await server.api<{ id: string }>('POST', '/rooms/show/targets', {
        url: `rtmps://127.0.0.1:${stranger.port}/live/distrusted`,
      });
      await using host = await Broadcaster.open({
        url: `${server.baseUrl}/whip/show`,
        token: keys.body.hostKey,
        clip: await whipClip(folder, 'host', clip),
      });
      const view = async (id: string): Promise<TargetView | undefined> =>
        (await server.api<TargetView[]>('GET', '/rooms/show/targets')).body.find(
          (target) => target.id === id,
        );
      await waitFor('the program over TLS', async () => (await view(secure.body.id))?.state === 'live');
      await waitFor('a refusal', async () => (await view(distrusted.body.id))?.lastError);
      const until = host.stats().pictures + 60;
      await waitFor('two seconds of it', () => host.stats().pictures >= until);
      expect((await view(distrusted.body.id))?.lastError).toMatch(/certificate/);
      await server.api('DELETE', `/rooms/show/targets/${secure.body.id}`);
      const path = await cdn.recordingOf('secure');
      expect((await probe(path)).videoPackets.length).toBeGreaterThan(30);
      expect(await decodeErrors(path)).toEqual([]);
      expect(cdn.publishesOf('distrusted')).toEqual([]);
    } finally {
      await Promise.all([trusted.close(), stranger.close()]);
    }
  });
});

interface Terminator {
  readonly port: number;
  readonly certificate: string;
  close(): Promise<void>;
}

/** Takes TLS with a certificate of its own for 127.0.0.1 and hands on what is inside. */
async function terminator(behind: number): Promise<Terminator> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const server = createTlsServer({ key, cert }, (outer) => {
    const inner = connect(behind, '127.0.0.1');
    outer.pipe(inner).pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
  });
  // A client that does not trust the certificate breaks off.
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    certificate: cert,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
