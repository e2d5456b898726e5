import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParticipantView } from '../../src/serve/room-api.js';
import { Aired, expectCleanDecoding, expectSynchrony, expectUnbrokenTimes } from '../e2e/aired.js';
import { Show, smallPictures, streamKey } from '../e2e/show.js';
import { startFfmpegPublisher } from '../peers/ffmpeg-publisher.js';
import { waitFor } from '../peers/wait-for.js';

const hostBeepHz = 1_000;
const guestBeepHz = 2_500;
/** Longer than the show: a repeat of an AAC clip has a seam of its own. */
const clipSeconds = 40;
/** About five seconds of the small program. */
const collabBytes = 1_000_000;

interface RtmpGuest {
  readonly participant: ParticipantView;
  readonly rtmpUrl: string;
  readonly streamKey: string;
}

describe('a guest with a stream key, pushed by ffmpeg', () => {
  let show: Show;
  let guest: RtmpGuest;
  let guestOnAir: ParticipantView | undefined;
  let log = '';
  let whipGuest: { readonly token: string };

  beforeAll(async () => {
    const logger = pino({ level: 'trace' }, { write: (line: string) => void (log += line) });
    show = await Show.open({ settings: smallPictures, server: { logger } });
    const host = await show.rtmpClip('host', {
      ...smallPictures,
      seconds: clipSeconds,
      phaseMs: 500,
      beepHz: hostBeepHz,
    });
    const clip = await show.rtmpClip('guest', {
      ...smallPictures,
      seconds: clipSeconds,
      phaseMs: 500,
      beepHz: guestBeepHz,
      pilotHz: 450,
    });
    const created = await fetch(`${show.baseUrl}/api/v1/rooms/show/participants`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${show.hostKey}` },
      body: JSON.stringify({ name: 'Field crew', protocol: 'rtmp' }),
    });
    guest = (await created.json()) as RtmpGuest;
    show.rtmpHost(host);
    await show.onAir('relay');
    await show.reachCdn();
    whipGuest = await show.client.admitGuest('Visitor');
    show.closing(
      startFfmpegPublisher({ url: `${guest.rtmpUrl}/${guest.streamKey}`, file: clip, copy: true }),
    );
    await waitFor('the guest to publish', () => guestView()?.publishing);
    await show.switchTo('collab');
    guestOnAir = guestView();
    await show.letProgramRun(collabBytes);
  }, 120_000);
  afterAll(() => show.close());

  const guestView = (): ParticipantView | undefined =>
    show.room.view().participants.find(({ id }) => id === guest.participant.id);

  it('is in the room at once, and on air by RTMP in collab', () => {
    expect(guest.participant).toMatchObject({ state: 'accepted', publishing: false, hasStreamKey: true });
    expect(guestOnAir).toMatchObject({ protocol: 'rtmp', onAir: true, name: 'Field crew' });
  });

  it('is seen and heard in step in what the CDN received', async () => {
    const aired = await Aired.read(await show.recording());
    expectUnbrokenTimes(aired);
    await expectCleanDecoding(aired);
    expectSynchrony(aired.guestSkews(guestBeepHz), { atLeast: 2 });
  }, 60_000);

  it('has a key that a restart keeps and its removal ends', async () => {
    const state = show.folder.file('state/anchornet.json');
    expect(await readFile(state, 'utf8')).toContain(guest.streamKey);
    await show.room.removeParticipant(guest.participant.id, 'enough');
    expect(await readFile(state, 'utf8')).not.toContain(guest.streamKey);
    const again = startFfmpegPublisher({ url: `${guest.rtmpUrl}/${guest.streamKey}`, durationSeconds: 5 });
    expect((await again.result()).code).not.toBe(0);
  });

  it('leaves no secret of the whole session in the log, even at its most talkative', async () => {
    const { hostKey, rtmpStreamKey, inviteGeneration } = show.room.secrets();
    const state = await readFile(show.folder.file('state/anchornet.json'), 'utf8');
    const signingSecret = /"signingSecret": "([^"]+)"/.exec(state)?.[1] ?? 'no signing secret';
    const target = new URL(show.cdn.url(streamKey)).pathname;
    expect(log).toContain('RTMP target connected');
    expect(state).toContain(signingSecret);
    const secrets = [
      hostKey,
      rtmpStreamKey,
      inviteGeneration,
      guest.streamKey,
      whipGuest.token,
      signingSecret,
    ];
    for (const secret of [...secrets, target]) expect(log.includes(secret), secret).toBe(false);
    // The origin's own: what nobody is told cannot be looked for by value.
    expect(log).not.toMatch(/key=|[0-9a-f]{32}/);
  });
});
