import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TagType } from '../../src/container/flv/tag.js';
import type { ReceivedTag } from '../../src/container/flv/tag-reader.js';
import type { GlitchKind } from '../../src/glitch/finding.js';
import type { Clip, Label } from './clip.js';
import { pictureDefects, type Run } from './picture-defects.js';
import { Random } from './random.js';
import { makeSound } from './sounds.js';
import { stampDefects } from './stamp-defects.js';
import {
  GROUP_MS,
  isFrame,
  isPicture,
  PICTURE_RATE,
  SOUND_BPS,
  testStream,
  writeFlv,
} from './test-stream.js';

const SECONDS = 20;
const FIRST_AT_MS = 2600;
const APART_MS = 3300;
const LAST_AT_MS = SECONDS * 1000 - 3000;
const WIDTH = 320;

interface Made {
  readonly tags: readonly ReceivedTag[];
  /** In the tags' own times. */
  readonly labels: readonly Label[];
}

/**
 * FLV captures with defects of times and pictures, labelled: the same seed gives the same places.
 *
 * @param folder where they are written
 */
export async function makeCaptures(folder: string, seed: number): Promise<Clip[]> {
  const random = new Random(seed ^ 0xf1f);
  const sound = await makeSound('music', SECONDS, seed);
  const clean = await testStream({ sound, width: WIDTH });
  const other = await testStream({ sound, width: 2 * WIDTH });
  const made = new Map<string, Made>([['clean', { tags: clean, labels: [] }]]);
  for (const { kind, name, strengths, unit, make } of stampDefects) {
    let tags: readonly ReceivedTag[] = clean;
    const labels = places(random).map((atMs, n): Label => {
      const strength = strengths[n % strengths.length]!;
      const done = make(tags, { atMs, strength, random });
      tags = done.tags;
      return { kind, timeMs: done.timeMs, strength: `${strength} ${unit}` };
    });
    made.set(name, { tags, labels });
  }
  for (const { kind, strengths, filter, begins } of pictureDefects) {
    const runs = places(random).map((atMs, n): Run => {
      const first = Math.round((atMs * PICTURE_RATE) / 1000);
      return [first, first + Math.round((strengths[n % strengths.length]! * PICTURE_RATE) / 1000) - 1];
    });
    const tags = await testStream({ sound, width: WIDTH, filter: filter(runs) });
    const pictures = tags.filter(isPicture);
    const labels = runs.map((run, n): Label => {
      const strength = `${strengths[n % strengths.length]!} ms`;
      return { kind, timeMs: pictures[begins(run)]!.timestamp, strength };
    });
    made.set(kind, { tags, labels });
  }
  const idrs = Array.from({ length: SECONDS / 4 - 1 }, (_, n) => (n + 1) * 2 * GROUP_MS);
  made.set('resolution-change', joined(clean, other, { kind: 'resolution-change', timesMs: idrs }));
  // In the middle of a group: what follows refers to pictures that were never sent.
  const between = idrs.map((ms) => ms + GROUP_MS / 2);
  made.set('missing-idr', joined(clean, other, { kind: 'missing-idr', timesMs: between }));
  const base = {
    seed,
    material: 'test picture',
    isNegative: false,
    encoder: 'aac',
    bitrateBps: SOUND_BPS,
  } as const;
  const clips: Clip[] = [];
  for (const [name, { tags, labels }] of made) {
    const file = `capture-${name}.flv`;
    await writeFile(join(folder, file), writeFlv(tags));
    const originMs = tags.find((tag) => isFrame(tag) || isPicture(tag))!.timestamp;
    const fromOrigin = labels.map((label) => ({ ...label, timeMs: label.timeMs - originMs }));
    clips.push({ ...base, file, durationMs: SECONDS * 1000, labels: fromOrigin });
  }
  return clips;
}

function places(random: Random): number[] {
  const times: number[] = [];
  for (let ms = FIRST_AT_MS; ms < LAST_AT_MS; ms += APART_MS) times.push(ms + random.integer(-150, 150));
  return times;
}

/** The sound of the first stream with the pictures of both in turn. */
function joined(
  one: readonly ReceivedTag[],
  other: readonly ReceivedTag[],
  { kind, timesMs }: { readonly kind: GlitchKind; readonly timesMs: readonly number[] },
): Made {
  const labels: Label[] = [];
  const isVideo = ({ type }: ReceivedTag): boolean => type === TagType.video;
  const videos = [one, other].map((tags) => tags.filter(isVideo));
  const pictures = [0, ...timesMs].flatMap((fromMs, n) => {
    const [header, ...rest] = videos[n % 2]!;
    const toMs = timesMs[n] ?? Infinity;
    const piece = rest.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);
    if (n > 0) labels.push({ kind, timeMs: piece[0]!.timestamp, strength: 'join' });
    return [{ ...header!, timestamp: piece[0]!.timestamp }, ...piece];
  });
  const sound = one.filter((tag) => !isVideo(tag));
  const tags = [...sound, ...pictures].sort((a, b) => a.timestamp - b.timestamp);
  return { tags, labels };
}
