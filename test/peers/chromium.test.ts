import { createServer, type Server } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beepAndFlashDefaults, writeBeepAndFlash } from './beep-and-flash.js';
import { beepAndFlashCamera, Chromium } from './chromium.js';
import { TempDir } from './temp-dir.js';
import { waitFor } from './wait-for.js';

let server: Server;
let url: string;
let folder: TempDir;

beforeAll(async () => {
  folder = await TempDir.open('camera');
  server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>empty</title><video autoplay muted></video>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await folder.close();
});

/** In the page: opens the camera, and collects for a while how bright it is and how loud the microphone is. */
async function watchCamera(spanMs: number): Promise<{ luma: number[]; level: number[]; width: number }> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: 1280, height: 720 },
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const video = document.querySelector('video');
  if (video === null) throw new Error('no video element');
  video.srcObject = stream;
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 1024;
  audio.createMediaStreamSource(stream).connect(analyser);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [16, 9];
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const [luma, level]: number[][] = [[], []];
  const samples = new Float32Array(1024);
  await new Promise<void>((resolve) => {
    const end = performance.now() + spanMs;
    const look = (): void => {
      pen?.drawImage(video, 0, 0, 16, 9);
      const pixels = pen?.getImageData(0, 0, 16, 3).data ?? [];
      luma?.push(Array.from(pixels).reduce((sum, value) => sum + value, 0) / Math.max(1, pixels.length));
      analyser.getFloatTimeDomainData(samples);
      level?.push(samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
      if (performance.now() < end) requestAnimationFrame(look);
      else resolve();
    };
    look();
  });
  return { luma: luma ?? [], level: level ?? [], width: video.videoWidth };
}

function processesOf(profile: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(profile);
      } catch {
        return false;
      }
    });
}

describe('Chromium as a peer', () => {
  it('offers H.264 and Opus and leaves no process behind', async () => {
    const before = new Set(processesOf('anchornet-chromium'));
    const browser = await Chromium.open();
    const page = await browser.page(url);
    const codecs = await page.evaluate(() =>
      ['video', 'audio'].flatMap(
        (kind) => RTCRtpSender.getCapabilities(kind)?.codecs.map((codec) => codec.mimeType) ?? [],
      ),
    );
    expect(codecs).toContain('video/H264');
    expect(codecs).toContain('audio/opus');
    const mine = processesOf('anchornet-chromium').filter((pid) => !before.has(pid));
    expect(mine.length).toBeGreaterThan(0);
    await browser.close();
    await waitFor('Chromium to be gone', () =>
      mine.every((pid) => !processesOf('anchornet-chromium').includes(pid)),
    );
  });

  it('shows a clip by its camera and plays one by its microphone', async () => {
    const camera = folder.file('camera.mjpeg');
    const microphone = folder.file('microphone.wav');
    const clip = { seconds: 2, width: 1280, height: 720 };
    await writeBeepAndFlash(camera, clip, { video: 'mjpeg', audio: 'none' });
    await writeBeepAndFlash(microphone, clip, { video: 'none', audio: 'pcm' });
    await using browser = await Chromium.open({ camera, microphone });
    const page = await browser.page(url);
    const { luma, level, width } = await page.evaluate(watchCamera, 2_500);
    expect(width).toBe(beepAndFlashDefaults.width);
    expect(Math.max(...luma)).toBeGreaterThan(220);
    expect(luma.filter((value) => value < 180).length).toBeGreaterThan(luma.length / 2);
    expect(Math.max(...level)).toBeGreaterThan(0.2);
    expect(level.filter((value) => value < 0.1).length).toBeGreaterThan(level.length / 4);
  });

  it('has a camera whose flashes and beeps are one', async () => {
    await using browser = await Chromium.open();
    const page = await browser.page(url, beepAndFlashCamera());
    const { luma, level } = await page.evaluate(watchCamera, 3_500);
    expect(Math.max(...luma)).toBeGreaterThan(240);
    expect(Math.max(...level)).toBeGreaterThan(0.3);
    expect(level.filter((value) => value < 0.1).length).toBeGreaterThan(level.length / 4);
  });

  it('remembers what its pages complain about', async () => {
    await using browser = await Chromium.open();
    const page = await browser.page(url);
    await page.evaluate(() => console.error('planted complaint'));
    await waitFor('the complaint', () => browser.errors.some((error) => error.includes('planted complaint')));
  });
});
