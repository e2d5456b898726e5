import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Broadcaster } from '../../src/demo/broadcaster.js';
import type { RoomView } from '../../src/serve/room-api.js';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import { decodeErrors, probe } from '../peers/judge.js';
import { topLevelBoxes } from '../peers/mp4-boxes.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import { childrenOf, isRoomProcess, isRunning, roomProcessOf } from '../peers/processes.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';
import { Aired, expectCleanDecoding, expectUnbrokenTimes } from './aired.js';
import { whipClip } from './clips.js';
import { ServerProcess } from './server-process.js';
import { Show, smallPictures, streamKey } from './show.js';

const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
const loopPictures = clip.seconds * beepAndFlashDefaults.fps;
const hostBeepHz = 1_000;
const presentPictures = 75;
/** Starting Node with the TypeScript loader and libav on a busy machine; built code starts in a third of it. */
const restartMs = 4_000;
/** Deaths in a row in collab after which the program falls back to live. */
const deathsBeforeFallBack = 3;

describe('a room process that is killed', () => {
  let show: Show;
  let aired: Aired;
  let pids: number[];
  let restarts: number;
  /** One in live, one in collab, and as many as it took to fall back. */
  let kills: number;
  let fellBack: { readonly mode: string; readonly source: string | null };

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    const hostClip = await show.clip('host', { ...clip, beepHz: hostBeepHz });
    const guestClip = await show.clip('guest', { ...clip, beepHz: 2_500, pilotHz: 450 });
    const host = await show.host(hostClip);
    await show.onAir('relay');
    await show.reachCdn();
    await show.letRun(host, presentPictures);
    pids = [roomProcessOf(process.pid)];

    const backOnAir = async (source: 'relay' | 'mix'): Promise<void> => {
      const seen = show.events.length;
      process.kill(pids.at(-1) ?? 0, 'SIGKILL');
      await waitFor(
        `${source} to go on`,
        () => show.events.slice(seen).some((event) => event.type === 'switched' && event.source === source),
        { state: () => show.events.slice(seen) },
      );
      pids.push(roomProcessOf(process.pid));
    };
    await backOnAir('relay');
    await show.letRun(host, presentPictures);
    await show.guest(guestClip);
    await show.switchTo('collab');
    await show.letRun(host, presentPictures);
    await backOnAir('mix');
    await show.letRun(host, presentPictures);

    const killed = pids.slice(0, -1);
    await waitFor('the mode to fall back', () => {
      if (show.room.view().mode === 'live') return true;
      const next = childrenOf(process.pid).find(
        (child) => isRoomProcess(child) && !killed.includes(child.pid),
      );
      if (next === undefined) return false;
      killed.push(next.pid);
      process.kill(next.pid, 'SIGKILL');
      return false;
    });
    await show.onAir('relay');
    kills = killed.length;
    pids = [...killed, roomProcessOf(process.pid)];
    await show.letRun(host, presentPictures);
    const { mode, source } = show.room.view();
    fellBack = { mode, source };
    restarts = show.room.view().process.restarts;
    aired = await Aired.read(await show.recording());
  }, 120_000);
  afterAll(() => show.close());

  it('is replaced, in live as in collab, and both are told of', () => {
    expect(new Set(pids).size).toBe(kills + 1);
    expect(restarts).toBe(kills);
    const warnings = show.events.filter(
      (event) => event.type === 'warning' && event.message.includes('restarted'),
    );
    expect(warnings).toHaveLength(kills);
  });

  it('falls back to live when it dies again and again in collab, and tells so', () => {
    expect(fellBack).toEqual({ mode: 'live', source: 'relay' });
    expect(kills).toBeLessThanOrEqual(2 + deathsBeforeFallBack);
    const message = expect.stringMatching(/again and again in collab \(SIGKILL\)/) as unknown;
    expect(show.events).toContainEqual({ type: 'warning', message });
  });

  it('costs no connection', () => {
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
    expect(show.room.view().participants.every(({ publishing }) => publishing)).toBe(true);
  });

  it('leaves the program’s times: audio exact, video forward', async () => {
    expectUnbrokenTimes(aired, deathsBeforeFallBack * restartMs);
    await expectCleanDecoding(aired);
  });

  it('leaves host and guest where they belong afterwards: no place shifted, no sync lost', (context) => {
    show.skipWhenHeldUp(context);
    const displaced = aired
      .displacements(loopPictures)
      .filter(({ ptsMs, pictures }) => ptsMs > 1_000 && Math.abs(pictures) > 1.5);
    // At most what was held while no process was there.
    expect(displaced.length).toBeLessThanOrEqual((kills * restartMs) / (1_000 / 30));
    const end = aired.displacements(loopPictures).slice(-presentPictures);
    expect(end.filter(({ pictures }) => Math.abs(pictures) > 1.5)).toEqual([]);
    const skews = aired.hostSkews(hostBeepHz);
    expect(skews.length).toBeGreaterThanOrEqual(8);
    expect(skews.filter(({ skewMs }) => Math.abs(skewMs) > 40)).toEqual([]);
  });

  it('leaves no more silence than the time without it', (context) => {
    show.skipWhenHeldUp(context);
    const silentMs = aired.soundHoles(1_000).reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    expect(silentMs).toBeLessThanOrEqual(kills * restartMs);
    const last = aired.pictures.at(-1)?.ptsMs ?? 0;
    expect(aired.soundHoles(last - 2_000)).toEqual([]);
  });
});

describe('a server that is killed while it records', () => {
  it('leaves a playable recording and all of its state, and both are there at the next start', async () => {
    await using folder = await TempDir.open('killed');
    await using cdn = await NginxRtmp.open();
    const stateFolder = folder.file('state');
    const hostClip = await whipClip(folder, 'host', clip);
    const goLive = async (server: ServerProcess, token: string): Promise<Broadcaster> =>
      Broadcaster.open({ url: `${server.baseUrl}/whip/show`, token, clip: hostClip });

    await using first = await ServerProcess.start({ stateFolder });
    await first.api('POST', '/rooms', { id: 'show', name: 'The show', settings: smallPictures });
    await first.api('POST', '/rooms/show/targets', { url: cdn.url(streamKey) });
    await first.api('PUT', '/rooms/show/layout', { layout: 'pip' });
    const keys = await first.api<{ hostKey: string; rtmpStreamKey: string }>('GET', '/rooms/show/keys');
    await using host = await goLive(first, keys.body.hostKey);
    const view = async (server: ServerProcess): Promise<RoomView> =>
      (await server.api<RoomView>('GET', '/rooms/show')).body;
    await waitFor('the program', async () => (await view(first)).source === 'relay');
    await cdn.published(streamKey);
    const started = await first.api<{ file: string }>('PUT', '/rooms/show/recording', { state: 'recording' });
    const path = join(stateFolder, 'recordings', started.body.file);
    const before = host.stats().pictures;
    await waitFor('four seconds', () => host.stats().pictures > before + 120);
    const killed = await view(first);
    const roomProcess = roomProcessOf(first.pid);
    await first.kill();

    await waitFor('the room process to end too', () => !isRunning(roomProcess));
    const cutOff = await probe(path);
    // The last fragment is a second long and may be lost, and recording began with the next IDR.
    expect(cutOff.videoPackets.length).toBeGreaterThan(60);
    expect(cutOff.audioPackets.length).toBeGreaterThan(90);
    expect(await decodeErrors(path)).toEqual([]);

    await using second = await ServerProcess.start({ stateFolder });
    await waitFor('the recording to be finished', async () => !(await topLevelBoxes(path)).includes('moof'));
    const finished = await probe(path);
    expect(finished.videoPackets.length).toBeGreaterThanOrEqual(cutOff.videoPackets.length);
    expect(finished.audioPackets.length).toBeGreaterThanOrEqual(cutOff.audioPackets.length);
    expect(await decodeErrors(path)).toEqual([]);

    const revived = await view(second);
    expect(revived).toMatchObject({
      id: 'show',
      name: 'The show',
      state: 'idle',
      layout: 'pip',
      settings: killed.settings,
      createdAt: killed.createdAt,
    });
    expect(revived.targets.map(({ id, url, enabled }) => ({ id, url, enabled }))).toEqual(
      killed.targets.map(({ id, url, enabled }) => ({ id, url, enabled })),
    );
    const again = await second.api<typeof keys.body>('GET', '/rooms/show/keys');
    expect([again.body.hostKey, again.body.rtmpStreamKey]).toEqual([
      keys.body.hostKey,
      keys.body.rtmpStreamKey,
    ]);
    await using back = await goLive(second, keys.body.hostKey);
    await waitFor('the program again', async () => (await view(second)).targets[0]?.state === 'live');
    expect(back.isOpen).toBe(true);
    expect(cdn.publishesOf(streamKey)).toHaveLength(2);
  }, 120_000);
});
