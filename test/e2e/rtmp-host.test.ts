import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FlvDemuxer } from '../../src/container/flv/demuxer.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { illegalWindowSteps } from '../peers/aac-windows.js';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import { Program } from '../peers/program.js';
import {
  Aired,
  expectCleanDecoding,
  expectContinuousContent,
  expectSynchrony,
  expectUnbrokenTimes,
} from './aired.js';
import { Show, smallPictures } from './show.js';

const switches = 20;
const picturesBetween = 45;
const hostBeepHz = 1_000;
const guestBeepHz = 2_500;
/** Longer than the show: a switch back waits for the host's next IDR, up to 2 s away. */
const hostSeconds = 120;
/** AAC begins with its encoder's priming, which is silent. */
const primingMs = 100;
/** Of the time that only the host is on air; some frames around each switch are bridges. */
const passedShare = 0.8;

/** The AAC of a file, as it is. */
async function soundOf(file: string): Promise<AacUnit[]> {
  const { stdout } = await Program.run('ffmpeg', [
    ...['-v', 'error', '-i', file, '-vn', '-c', 'copy', '-f', 'flv', 'pipe:1'],
  ]);
  return aacUnits(stdout);
}

function aacUnits(flv: Buffer): AacUnit[] {
  return new FlvDemuxer()
    .push(flv)
    .flatMap((unit) => (unit.kind === 'audio' && unit.config.codec === 'aac' ? [unit as AacUnit] : []));
}

describe('a host who pushes RTMP with B-frames and AAC, and a guest', () => {
  let show: Show;
  let tookMs: number[];
  let aired: Aired;
  let sent: AacUnit[];
  let received: AacUnit[];

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    const hostClip = await show.rtmpClip('host', {
      ...smallPictures,
      seconds: hostSeconds,
      phaseMs: 500,
      beepHz: hostBeepHz,
    });
    const guestClip = await show.clip('guest', {
      ...smallPictures,
      seconds: 5,
      phaseMs: 500,
      beepHz: guestBeepHz,
      pilotHz: 450,
    });
    show.rtmpHost(hostClip);
    await show.onAir('relay');
    await show.reachCdn();
    const { broadcaster } = await show.guest(guestClip);
    await show.letRun(broadcaster, 60);
    tookMs = [];
    for (let i = 0; i < switches; i++) {
      tookMs.push(await show.switchTo(i % 2 === 0 ? 'collab' : 'live'));
      await show.letRun(broadcaster, picturesBetween);
    }
    aired = await Aired.read(await show.recording());
    sent = await soundOf(hostClip);
    received = aacUnits(await readFile(aired.path));
  }, 240_000);
  afterAll(() => show.close());

  it('switch within one RTMP connection and one publish', () => {
    expect(tookMs).toHaveLength(switches);
    expect(show.cdn.connections).toHaveLength(1);
    expect(show.cdn.publishes).toHaveLength(1);
  });

  it('leave audio advancing by 1024 samples a frame, and video by two pictures at most', () => {
    expectUnbrokenTimes(aired);
  });

  it('leave nothing that an outside decoder complains about', async () => {
    await expectCleanDecoding(aired);
  });

  it('neither repeat nor skip what the host shows', (context) => {
    show.skipWhenHeldUp(context);
    expectContinuousContent(aired, 0);
  });

  it('are in sync in both modes', () => {
    expectSynchrony(aired.hostSkews(hostBeepHz), { atLeast: 12 });
    expectSynchrony(aired.guestSkews(guestBeepHz), { atLeast: 5 });
  });

  it('leave no hole in the host’s sound', (context) => {
    show.skipWhenHeldUp(context);
    expect(aired.soundHoles(primingMs)).toEqual([]);
  });

  it('leave the host’s AAC as it was sent, byte for byte and in its place, where the host is alone', (context) => {
    show.skipWhenHeldUp(context);
    const sentAs = new Set(sent.map(({ data }) => data.toString('latin1')));
    const passed = received.filter(({ data }) => sentAs.has(data.toString('latin1')));
    // The tones repeat, and some of their frames with them: what counts is that there is one place that fits all.
    const places = sent.map((_, index) => index - Math.round((passed[0]?.pts ?? 0) / 1_024));
    const fitting = places.filter((place) =>
      passed.every(({ data, pts }) => sent[Math.round(pts / 1_024) + place]?.data.equals(data) === true),
    );
    expect(fitting).toHaveLength(1);
    const { sampleRate } = sent[0]!.config;
    const aloneMs = (switches / 2) * picturesBetween * (1_000 / beepAndFlashDefaults.fps);
    expect(passed.length).toBeGreaterThan((passedShare * aloneMs * sampleRate) / 1_024_000);
  });

  it('leave one configuration of the sound, that of the host, and no windows that do not fit', () => {
    const [first] = received;
    expect(first?.config).toMatchObject({
      sampleRate: sent[0]?.config.sampleRate,
      channels: sent[0]?.config.channels,
    });
    expect(received.filter(({ config }) => config !== first?.config)).toEqual([]);
    expect(illegalWindowSteps(received)).toEqual([]);
    const seams = show.events.filter((event) => event.type === 'audio-seam');
    expect(seams.length).toBeGreaterThanOrEqual(switches);
    expect(seams.filter(({ joint }) => joint === 'mismatched')).toEqual([]);
  });
});
