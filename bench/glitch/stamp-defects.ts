import type { GlitchKind } from '../../src/glitch/finding.js';
import type { ReceivedTag } from '../../src/container/flv/tag-reader.js';
import type { Random } from './random.js';
import { isFrame, isKeyframe, isPicture } from './test-stream.js';

type Which = (tag: ReceivedTag) => boolean;

/** A defect of times, or of what is sent, made at one place of a stream of FLV tags. */
export interface StampDefect {
  readonly kind: GlitchKind;
  /** In the clip's name. */
  readonly name: string;
  /** From weak to strong. */
  readonly strengths: readonly number[];
  readonly unit: string;
  /** @returns the tags with it, and where it begins in their own times */
  readonly make: (
    tags: readonly ReceivedTag[],
    place: { readonly atMs: number; readonly strength: number; readonly random: Random },
  ) => { readonly tags: ReceivedTag[]; readonly timeMs: number };
}

/** The headers of tag, NAL unit and slice stay: what is damaged is the coded picture. */
const SLICE_AT = 24;

export const stampDefects: readonly StampDefect[] = [
  {
    kind: 'pts-gap',
    name: 'lost-frames',
    strengths: [1, 2, 4, 8],
    unit: 'frames',
    make: (tags, { atMs, strength }) =>
      without(tags, indexOf(tags, isFrame, atMs), { which: isFrame, count: strength }),
  },
  {
    // The last of a group: nothing refers to them.
    kind: 'pts-gap',
    name: 'lost-pictures',
    strengths: [2, 5, 15],
    unit: 'pictures',
    make: (tags, { atMs, strength }) => {
      const key = indexOf(tags, isKeyframe, atMs);
      const last = tags.slice(0, key).flatMap((tag, index) => (isPicture(tag) ? [index] : []));
      return without(tags, last.at(-strength)!, { which: isPicture, count: strength });
    },
  },
  {
    kind: 'pts-overlap',
    name: 'early-frames',
    strengths: [5, 10, 18],
    unit: 'ms',
    make: (tags, { atMs, strength }) => shifted(tags, atMs, { byMs: -strength, moved: isFrame }),
  },
  {
    kind: 'pts-backwards',
    name: 'times-back',
    strengths: [100, 500, 900],
    unit: 'ms',
    make: (tags, { atMs, strength }) => shifted(tags, atMs, { byMs: -strength, moved: () => true }),
  },
  {
    // Away and back again.
    kind: 'av-skew',
    name: 'skew',
    strengths: [100, -100, 200, -200, 400],
    unit: 'ms',
    make: (tags, { atMs, strength }) => shifted(tags, atMs, { byMs: strength, moved: isFrame }),
  },
  {
    kind: 'irregular-duration',
    name: 'jitter',
    strengths: [10, 14],
    unit: 'ms',
    make: (tags, { atMs, strength }) => {
      const first = indexOf(tags, isPicture, atMs);
      let pictures = 0;
      const jittered = tags.map((tag, index) => {
        if (index < first || !isPicture(tag) || pictures >= 20) return tag;
        return pictures++ % 2 === 0 ? { ...tag, timestamp: tag.timestamp + strength } : tag;
      });
      return { tags: jittered, timeMs: jittered[first]!.timestamp };
    },
  },
  {
    kind: 'decode-error',
    name: 'damaged-pictures',
    strengths: [100],
    unit: '% of the bytes',
    make: (tags, { atMs, random }) => {
      const at = indexOf(tags, isPicture, atMs);
      const body = Buffer.from(tags[at]!.body);
      for (let i = SLICE_AT; i < body.length; i++) body[i] = random.integer(0, 255);
      return { tags: tags.with(at, { ...tags[at]!, body }), timeMs: tags[at]!.timestamp };
    },
  },
];

function indexOf(tags: readonly ReceivedTag[], which: Which, atMs: number): number {
  return tags.findIndex((tag) => tag.timestamp >= atMs && which(tag));
}

function without(
  tags: readonly ReceivedTag[],
  from: number,
  { which, count }: { readonly which: Which; readonly count: number },
): { tags: ReceivedTag[]; timeMs: number } {
  let left = count;
  const kept = tags.filter((tag, index) => index < from || !which(tag) || left-- <= 0);
  return { tags: kept, timeMs: tags[from]!.timestamp };
}

/** From the first audio frame after a time on, all tags of `moved` have other times. */
function shifted(
  tags: readonly ReceivedTag[],
  atMs: number,
  { byMs, moved }: { readonly byMs: number; readonly moved: Which },
): { tags: ReceivedTag[]; timeMs: number } {
  const from = indexOf(tags, isFrame, atMs);
  const late = tags.map((tag, index) =>
    index >= from && moved(tag) ? { ...tag, timestamp: tag.timestamp + byMs } : tag,
  );
  return { tags: late, timeMs: late[from]!.timestamp };
}
