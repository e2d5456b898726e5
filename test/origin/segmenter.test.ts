import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AccessUnit } from '../../src/media/access-unit.js';
import { HlsSegmenter } from '../../src/origin/segmenter.js';
import {
  audioOf,
  concatenate,
  decodeErrors,
  later,
  makeClip,
  packetTimes,
  readUnits,
  videoOf,
} from '../container/mp4-media.js';

let folder: string;
let clip: AccessUnit[];
let larger: AccessUnit[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anchornet-segmenter-'));
  clip = await readUnits(makeClip(join(folder, 'clip.mp4')));
  larger = await readUnits(makeClip(join(folder, 'larger.mp4'), { size: '640x360', profile: 'baseline' }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function segment(units: readonly AccessUnit[], maxBytes = 1e9): HlsSegmenter {
  const segmenter = new HlsSegmenter({
    epoch: 'e',
    segmentMs: 2_000,
    partMs: 400,
    listedSegments: 5,
    maxBytes,
    wallMs: () => 1_700_000_000_000,
  });
  for (const unit of units) segmenter.write(unit);
  return segmenter;
}

function bytesOf(segmenter: HlsSegmenter, uris: readonly string[]): Buffer {
  return Buffer.concat(uris.flatMap((uri) => segmenter.store.resource(uri) ?? []));
}

test('segments end on IDRs at the target, parts are never longer than theirs', () => {
  const segmenter = segment(concatenate([clip, clip, clip]));
  const complete = segmenter.store.segments.filter((one) => one.isComplete);
  expect(complete).toHaveLength(4);
  for (const one of complete) {
    const duration = one.parts.reduce((sum, part) => sum + part.duration, 0);
    expect(duration).toBe(180_000);
    expect(one.parts[0]?.isIndependent).toBe(true);
    expect(one.parts).toHaveLength(5);
    for (const part of one.parts) expect(part.duration).toBeLessThanOrEqual(36_000);
  }
});

test('a segment after its init segment is a file that decodes without a word', () => {
  const segmenter = segment(concatenate([clip, clip, clip]));
  const complete = segmenter.store.segments.filter((one) => one.isComplete);
  const path = join(folder, 'joined.mp4');
  writeFileSync(path, bytesOf(segmenter, [complete[0]?.initUri ?? '', ...complete.map((one) => one.uri)]));
  expect(decodeErrors(path)).toBe('');
  expect(packetTimes(path, 'v')).toHaveLength(200);
  const audio = packetTimes(path, 'a');
  for (const [index, { pts }] of audio.entries()) {
    expect(Math.abs(pts - (index * 1024) / 48_000)).toBeLessThan(1e-5);
  }
});

test('parts of a segment are its bytes', () => {
  const segmenter = segment(concatenate([clip]));
  const [first] = segmenter.store.segments;
  const parts = bytesOf(segmenter, first?.parts.map((part) => part.uri) ?? []);
  expect(parts.equals(bytesOf(segmenter, [first?.uri ?? '']))).toBe(true);
});

test('new parameter sets end the segment at once and are announced by a new init segment alone', () => {
  const segmenter = segment(concatenate([clip, larger, clip]));
  const playlist = segmenter.store.playlist();
  expect(playlist.match(/#EXT-X-MAP/g)).toHaveLength(3);
  expect(playlist).not.toContain('#EXT-X-DISCONTINUITY\n');
  const starts = segmenter.store.segments.map((one) => one.initUri);
  expect(new Set(starts).size).toBe(3);
  for (const one of segmenter.store.segments.filter((each) => each.isComplete)) {
    const path = join(folder, `map-${one.msn}.mp4`);
    writeFileSync(path, bytesOf(segmenter, [one.initUri, one.uri]));
    expect(decodeErrors(path)).toBe('');
  }
});

test('a timeline that starts over is announced as a discontinuity, and counted when it has left', () => {
  const back = concatenate([clip, clip]);
  const units = [
    ...back.map((unit) => later(unit, 3_600_000)),
    ...back,
    ...back.map((unit) => later(unit, 60_000)),
  ];
  const segmenter = segment(units);
  expect(segmenter.store.playlist()).toContain('#EXT-X-DISCONTINUITY\n');
  expect(segmenter.store.playlist()).toMatch(/DISCONTINUITY-SEQUENCE:[12]\n/);
});

test('audio alone and video alone are cut as well', () => {
  const audio = segment(audioOf(concatenate([clip, clip, clip])));
  expect(audio.store.segments.filter((one) => one.isComplete).length).toBeGreaterThanOrEqual(3);
  expect(audio.codecs).toEqual(['mp4a.40.2']);
  const video = segment(videoOf(concatenate([clip, clip, clip])));
  expect(video.store.segments.filter((one) => one.isComplete)).toHaveLength(4);
});

test('memory is bounded by segments and by bytes', () => {
  const many = concatenate(Array<AccessUnit[]>(20).fill(clip));
  const segmenter = segment(many);
  expect(segmenter.store.segments.length).toBeLessThanOrEqual(8);
  expect(segmenter.store.playlist().match(/#EXTINF/g)).toHaveLength(5);
  expect(segmenter.store.playlist()).toMatch(/MEDIA-SEQUENCE:2\d\n/);
  expect(segment(many, 100_000).store.segments.length).toBeLessThanOrEqual(4);
  const gone = segment(many).store.resource('e-seg-0.m4s');
  expect(gone).toBeUndefined();
});

test('without an IDR a segment ends all the same, and is not called independent', () => {
  const [first, ...rest] = videoOf(concatenate(Array<AccessUnit[]>(8).fill(clip)));
  const units = [first, ...rest.filter((unit) => !unit.isIdr)].filter((unit) => unit !== undefined);
  const segmenter = segment(units);
  expect(segmenter.store.segments.filter((one) => one.isComplete).length).toBe(2);
  expect(segmenter.store.playlist()).not.toContain('INDEPENDENT-SEGMENTS');
});

test('an ended stream lists its last segment and says so', () => {
  const segmenter = segment(concatenate([clip]));
  segmenter.end();
  expect(segmenter.store.playlist()).toMatch(/#EXT-X-ENDLIST\n$/);
  expect(segmenter.store.playlist()).not.toContain('PRELOAD-HINT');
  expect(segmenter.store.playlist().match(/#EXTINF/g)).toHaveLength(2);
});
