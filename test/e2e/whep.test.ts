import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chromium } from '../peers/chromium.js';
import { waitFor } from '../peers/wait-for.js';
import { Show, smallPictures } from './show.js';

const switches = 6;
const picturesBetween = 75;
const clip = { ...smallPictures, seconds: 5, phaseMs: 500 };
/** What a viewer takes for a hitch and not yet for a freeze. */
const freezeMs = 500;
/** The jitter buffer of a new viewer finds its length in the first moments. */
const settlingPictures = 60;
const startTimeoutMs = 30_000;

/** What the page of a viewer has seen and heard. Times on the page's clock. */
interface Watched {
  /** When each picture was shown. */
  readonly shownMs: readonly number[];
  /** Level of the sound in each window of `windowMs`, full scale 1. */
  readonly levels: readonly number[];
  readonly windowMs: number;
  readonly width: number;
}

/** What came of an ICE restart (RFC 9725 §4.3.3), and of candidates sent for the session before and for the new one. */
interface Restart {
  readonly status: number;
  readonly etagBefore: string;
  readonly etag: string;
  readonly staleStatus: number;
  readonly renewedStatus: number;
}

describe('a Chromium viewer of the program by WHEP', () => {
  let show: Show;
  let browser: Chromium;
  let watched: Watched;
  let viewers: number[];
  let restart: Restart;

  beforeAll(async () => {
    show = await Show.open({ settings: smallPictures });
    const hostClip = await show.clip('host', clip);
    const guestClip = await show.clip('guest', { ...clip, beepHz: 2_500, pilotHz: 450 });
    const host = await show.host(hostClip);
    await show.onAir('relay');
    await show.guest(guestClip);
    browser = await Chromium.open({ viewport: { width: 640, height: 360 } });
    const page = await browser.page(`${show.baseUrl}/healthz`);
    await watch(page, `${show.baseUrl}/whep/${show.room.id}`);
    await waitFor('pictures', async () => (await report(page)).shownMs.length > 5, {
      timeoutMs: startTimeoutMs,
    });
    await show.letRun(host, settlingPictures);
    await report(page, true);
    viewers = [];
    for (let i = 0; i < switches; i++) {
      await show.switchTo(i % 2 === 0 ? 'collab' : 'live');
      await show.letRun(host, picturesBetween);
      viewers.push(show.room.view().program.viewers.whep);
      if (i === 1) restart = await restartIce(page);
    }
    watched = await report(page);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await show.close();
  });

  it('stays connected through every switch', () => {
    expect(viewers).toEqual(Array<number>(switches).fill(1));
    expect(watched.width).toBe(smallPictures.width);
  });

  it('may restart ICE, as on another network, and is known by a new ETag', () => {
    expect(restart).toMatchObject({ status: 200, staleStatus: 412, renewedStatus: 204 });
    expect(restart.etag).not.toBe(restart.etagBefore);
  });

  it('sees pictures all the time', () => {
    const steps = watched.shownMs.slice(1).map((time, i) => time - (watched.shownMs[i] ?? time));
    expect(Math.max(...steps)).toBeLessThanOrEqual(freezeMs);
    // Two pictures in three at least: a busy machine shows some of them late.
    expect(watched.shownMs.length).toBeGreaterThan((switches * picturesBetween * 2) / 3);
  });

  it('hears the host all the time', () => {
    // Half of the pilot tone, which is 34 dB below full scale.
    const silent = watched.levels.map((level) => level < 0.005);
    let [longest, run] = [0, 0];
    for (const quiet of silent) longest = Math.max(longest, (run = quiet ? run + 1 : 0));
    expect(watched.levels.length * watched.windowMs).toBeGreaterThan(switches * 2_000);
    expect(longest * watched.windowMs).toBeLessThanOrEqual(freezeMs);
  });
});

/** Plays a WHEP endpoint in a page and notes what comes out. */
function watch(page: Page, url: string): Promise<void> {
  return page.evaluate(async (endpoint) => {
    const noted = { shownMs: [] as number[], levels: [] as number[], windowMs: 0, width: 0 };
    (window as unknown as { noted: typeof noted }).noted = noted;
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    (window as unknown as { peer: RTCPeerConnection }).peer = peer;
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.addTransceiver('video', { direction: 'recvonly' });
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    const media = new MediaStream();
    const onPicture = (now: number): void => {
      noted.shownMs.push(now);
      noted.width = video.videoWidth;
      video.requestVideoFrameCallback(onPicture);
    };
    video.requestVideoFrameCallback(onPicture);
    const sound = new AudioContext();
    peer.ontrack = ({ track }) => {
      media.addTrack(track);
      video.srcObject = media;
      void video.play().catch(() => undefined);
      if (track.kind !== 'audio') return;
      const meter = sound.createScriptProcessor(2_048, 1, 1);
      noted.windowMs = (2_048 * 1_000) / sound.sampleRate;
      meter.onaudioprocess = ({ inputBuffer }) => {
        const samples = inputBuffer.getChannelData(0);
        noted.levels.push(samples.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0));
      };
      sound.createMediaStreamSource(media).connect(meter).connect(sound.destination);
    };
    await sound.resume();
    await peer.setLocalDescription();
    while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 5));
    const response = await fetch(endpoint, {
      method: 'POST',
      body: peer.localDescription?.sdp ?? '',
      headers: { 'content-type': 'application/sdp' },
    });
    if (response.status !== 201) throw new Error(await response.text());
    const [location, etag] = [response.headers.get('location') ?? '', response.headers.get('etag') ?? ''];
    Object.assign(window, { session: { url: new URL(location, endpoint).href, etag } });
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  }, url);
}

/** Takes new ICE credentials on both sides, as a browser that came to another network does. */
function restartIce(page: Page): Promise<Restart> {
  return page.evaluate(async () => {
    const { peer, session } = window as unknown as {
      peer: RTCPeerConnection;
      session: { url: string; etag: string };
    };
    const line = (sdp: string, name: string): string =>
      new RegExp(`a=${name}:.*`).exec(sdp)?.[0].trim() ?? '';
    const before = peer.remoteDescription?.sdp ?? '';
    peer.restartIce();
    await peer.setLocalDescription();
    const offer = peer.localDescription?.sdp ?? '';
    const fragment = `${line(offer, 'ice-ufrag')}\r\n${line(offer, 'ice-pwd')}\r\n`;
    const patch = (ifMatch: string): Promise<Response> =>
      fetch(session.url, {
        method: 'PATCH',
        body: fragment,
        headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': ifMatch },
      });
    const response = await patch('*');
    const answer = await response.text();
    const etag = response.headers.get('etag') ?? '';
    const sdp = ['ice-ufrag', 'ice-pwd'].reduce(
      (text, name) => text.replaceAll(new RegExp(`a=${name}:.*`, 'g'), line(answer, name)),
      before,
    );
    await peer.setRemoteDescription({ type: 'answer', sdp });
    return {
      status: response.status,
      etagBefore: session.etag,
      etag,
      staleStatus: (await patch(session.etag)).status,
      renewedStatus: (await patch(etag)).status,
    };
  });
}

/** What was noted so far; with `forget`, what follows is noted afresh. */
function report(page: Page, forget = false): Promise<Watched> {
  return page.evaluate((afresh) => {
    const { noted } = window as unknown as { noted: Watched & { shownMs: number[]; levels: number[] } };
    const copy = { ...noted, shownMs: [...noted.shownMs], levels: [...noted.levels] };
    if (afresh) {
      noted.shownMs.length = 0;
      noted.levels.length = 0;
    }
    return copy;
  }, forget);
}
