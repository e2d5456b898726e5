import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TagType } from '../../src/container/flv/tag.js';
import type { ReceivedTag } from '../../src/container/flv/tag-reader.js';
import type { GlitchKind } from '../../src/glitch/finding.js';
import type { Clip, Label } from './clip.js';
import { defectPlaces } from './defect-places.js';
import { Random } from './random.js';
import { makeSound, materials, type Stereo } from './sounds.js';
import { stampDefects } from './stamp-defects.js';
import { GROUP_MS, isFrame, isPicture, SOUND_BPS, testStream, writeFlv } from './test-stream.js';

const SECONDS = 20;
const WIDTH = 320;

interface Made {
  readonly tags: readonly ReceivedTag[];
  /** In the tags' own times. */
  readonly labels: readonly Label[];
}

/**
 * FLV captures with defects of times, and of what is sent of the pictures, labelled: the same seed gives the same places.
 *
 * @param folder where they are written
 */
export async function makeCaptures(folder: string, seed: number): Promise<Clip[]> {
  const random = new Random(seed ^ 0xf1f);
  const clips: Clip[] = [];
  for (const material of materials) {
    const sound = await makeSound(material, SECONDS, seed);
    const made = await withStampDefects(sound, random);
    for (const [name, { tags, labels }] of made) {
      const file = `capture-${material}-${name}.flv`;
      await writeFile(join(folder, file), writeFlv(tags));
      const originMs = tags.find((tag) => isFrame(tag) || isPicture(tag))!.timestamp;
      clips.push({
        ...{ file, seed, material, isNegative: false, encoder: 'aac', bitrateBps: SOUND_BPS },
        durationMs: SECONDS * 1000,
        labels: labels.map((label) => ({ ...label, timeMs: label.timeMs - originMs })),
      });
    }
  }
  return clips;
}

async function withStampDefects(sound: Stereo, random: Random): Promise<Map<string, Made>> {
  const clean = await testStream({ sound, width: WIDTH });
  const other = await testStream({ sound, width: 2 * WIDTH });
  const made = new Map<string, Made>([['clean', { tags: clean, labels: [] }]]);
  for (const { kind, name, strengths, unit, make } of stampDefects) {
    let tags: readonly ReceivedTag[] = clean;
    const labels = defectPlaces(SECONDS, random).map((atMs, n): Label => {
      const strength = strengths[n % strengths.length]!;
      const done = make(tags, { atMs, strength, random });
      tags = done.tags;
      return { kind, timeMs: done.timeMs, strength: `${strength} ${unit}` };
    });
    made.set(name, { tags, labels });
  }
  const idrs = [2, 3, 5, 6, 8].map((group) => group * GROUP_MS);
  made.set('resolution-change', joined(clean, other, { kind: 'resolution-change', timesMs: idrs }));
  // In the middle of a group: what follows refers to pictures that were never sent.
  const between = idrs.map((ms) => ms + GROUP_MS / 2);
  made.set('missing-idr', joined(clean, other, { kind: 'missing-idr', timesMs: between }));
  return made;
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
