import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { beepAndFlashDefaults } from '../peers/beep-and-flash.js';
import {
  beepOnsets,
  decodePictures,
  decodeSound,
  flashOnsets,
  pairSkews,
  pictureNumber,
  toneDropouts,
  wholeBeepOnsets,
  type DecodedSound,
  type LumaPicture,
  type Region,
} from '../peers/judge-content.js';
import { audioTiming, decodeErrors, flvRoundingMs, probe, videoTiming, type Probe } from '../peers/judge.js';

export const pictureMs = 1_000 / beepAndFlashDefaults.fps;
/** Detectability of lip-sync errors begins at about 45 ms (ITU-R BT.1359-1); the system promises this. */
export const lipSyncMs = 40;
/** The mixer shows the newest picture at each tick: it may be the one before. */
const mixerPictures = 1;
/**
 * Where the host's pictures belong is known from its sender reports; what was guessed before the first of them, from
 * arrival times on a machine that has just started all of this, is put right by 2 ms a picture.
 */
const settlingMs = 2_000;
const settlingPictures = 3;
/** Half the pilot tone's amplitude: what is quieter is a hole. */
const pilotHeard = 0.01;
/** A coder's window smears the edges of what is shorter. */
const shortestDropoutMs = 10;
/** Beside the bar code, and where no label lies. */
const hostRegion: Region = { x: 0.05, y: 0.05, width: 0.5, height: 0.3 };
/** Inside the guest's picture of the layout `pip`, above its bar code. */
const guestRegion: Region = { x: 0.74, y: 0.735, width: 0.2, height: 0.08 };

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** What a CDN received of a program, decoded by Debian's ffmpeg. */
export class Aired {
  private constructor(
    readonly path: string,
    readonly packets: Probe,
    readonly pictures: readonly LumaPicture[],
    readonly sound: DecodedSound,
  ) {}

  /** With `ANCHORNET_TEST_KEEP` set to a folder, a copy of the file stays there for a closer look. */
  static async read(path: string): Promise<Aired> {
    const keep = process.env['ANCHORNET_TEST_KEEP'];
    if (keep !== undefined) await copyFile(path, join(keep, basename(path)));
    return new Aired(path, await probe(path), await decodePictures(path), await decodeSound(path));
  }

  get durationMs(): number {
    return (this.pictures.at(-1)?.ptsMs ?? 0) - (this.pictures[0]?.ptsMs ?? 0);
  }

  /** The steps from picture to picture, in order of presentation, that are longer than `ms`. */
  stepsOver(ms: number): number[] {
    const pts = this.packets.videoPackets.map(({ ptsMs }) => ptsMs).sort((a, b) => a - b);
    return pts.slice(1).flatMap((time, i) => {
      const stepMs = time - (pts[i] ?? time);
      return stepMs > ms ? [stepMs] : [];
    });
  }

  /** The host's picture numbers; `undefined` where none can be read, as on a slate. */
  numbers(): { readonly ptsMs: number; readonly number: number | undefined }[] {
    return this.pictures.map((picture) => ({ ptsMs: picture.ptsMs, number: pictureNumber(picture) }));
  }

  /** The longest time for which the host's picture stayed the same, and where that was. */
  longestHold(within: Span = { startMs: 0, endMs: Infinity }): {
    readonly atMs: number;
    readonly ms: number;
  } {
    let [atMs, ms] = [0, 0];
    let since: { ptsMs: number; number: number | undefined } | undefined;
    for (const picture of this.numbers()) {
      if (picture.ptsMs < within.startMs || picture.ptsMs > within.endMs) continue;
      if (since === undefined || picture.number !== since.number) since = picture;
      if (picture.ptsMs - since.ptsMs > ms) [atMs, ms] = [since.ptsMs, picture.ptsMs - since.ptsMs];
    }
    return { atMs, ms };
  }

  /**
   * By how many pictures what is seen of the host runs ahead of its usual place on the program's timeline (positive)
   * or behind it, for each picture. The usual place is that of most pictures.
   *
   * @param loopPictures length of the host's clip, when it is sent in a loop
   */
  displacements(loopPictures = 2 ** 16): { readonly ptsMs: number; readonly pictures: number }[] {
    const places = this.numbers().flatMap(({ ptsMs, number }) =>
      number === undefined ? [] : [{ ptsMs, place: number - ptsMs / pictureMs }],
    );
    const first = places[0]?.place ?? 0;
    const turned = places.map(({ ptsMs, place }) => ({
      ptsMs,
      place: place - Math.round((place - first) / loopPictures) * loopPictures,
    }));
    const usual = median(turned.map(({ place }) => place));
    return turned.map(({ ptsMs, place }) => ({ ptsMs, pictures: place - usual }));
  }

  /** Beep minus flash of the host. */
  hostSkews(beepHz: number): { readonly flashMs: number; readonly skewMs: number }[] {
    return pairSkews(flashOnsets(this.pictures, hostRegion), beepOnsets(this.sound, beepHz));
  }

  /**
   * Beep minus flash of the guest in the layout `pip`; there are flashes in collab only. A beep that a switch cuts into
   * is left out: of its flash there may be nothing to be seen.
   */
  guestSkews(beepHz: number): { readonly flashMs: number; readonly skewMs: number }[] {
    const flashes = flashOnsets(this.pictures, guestRegion);
    // The host's own flash fills the guest's corner in live mode, so the beeps lead.
    return pairSkews(wholeBeepOnsets(this.sound, beepHz), flashes).map(({ flashMs, skewMs }) => ({
      flashMs: flashMs + skewMs,
      skewMs: -skewMs,
    }));
  }

  /** Where the host's pilot tone is not heard. */
  soundHoles(from = 0): Span[] {
    return toneDropouts(this.sound, beepAndFlashDefaults.pilotHz, pilotHeard).filter(
      ({ startMs, endMs }) => startMs > from && endMs - startMs > shortestDropoutMs,
    );
  }
}

/** Audio advances by exactly 1024 samples a frame, video always, and by two pictures at most. */
export function expectUnbrokenTimes(aired: Aired, maxStepMs = 2 * pictureMs): void {
  const audio = audioTiming(aired.packets.audioPackets, 48_000);
  expect(audio.maxDeviationMs, JSON.stringify(audio)).toBeLessThanOrEqual(flvRoundingMs);
  const video = videoTiming(aired.packets.videoPackets);
  expect(video).toMatchObject({ dtsBackward: 0, ptsRepeated: 0 });
  expect(video.maxStepMs, JSON.stringify(video)).toBeLessThanOrEqual(maxStepMs + flvRoundingMs);
}

/** Every packet decodes, and nothing is complained about. */
export async function expectCleanDecoding(aired: Aired): Promise<void> {
  expect(await decodeErrors(aired.path)).toEqual([]);
  expect(aired.pictures).toHaveLength(aired.packets.videoPackets.length);
}

/** Each picture of the host is seen where it belongs on the program's timeline: none repeated, none skipped. */
export function expectContinuousContent(aired: Aired, from: number, loopPictures?: number): void {
  const unreadable = aired.numbers().filter(({ ptsMs, number }) => ptsMs > from && number === undefined);
  expect(unreadable).toEqual([]);
  const displaced = aired.displacements(loopPictures).filter(({ ptsMs, pictures }) => {
    const allowed = ptsMs < settlingMs ? settlingPictures : mixerPictures;
    return ptsMs > from && Math.abs(pictures) > allowed + 0.5;
  });
  expect(displaced).toEqual([]);
}

export interface Synchrony {
  /** So many flashes with their beeps there must be at least. */
  readonly atLeast: number;
  readonly toleranceMs?: number;
}

export function expectSynchrony(
  skews: readonly { readonly flashMs: number; readonly skewMs: number }[],
  { atLeast, toleranceMs = lipSyncMs }: Synchrony,
): void {
  expect(skews.length).toBeGreaterThanOrEqual(atLeast);
  expect(skews.filter(({ skewMs }) => Math.abs(skewMs) > toleranceMs)).toEqual([]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
