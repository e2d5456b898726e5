import type { VideoIndex } from '../source/media-index.js';

/** A part of a piece's pictures. Indices are in decoding order, both ends included; times are the source's own. */
export type VideoPart =
  | { readonly kind: 'copied'; readonly from: number; readonly to: number }
  /** Decoded from `from` on; of what comes out, pictures from `ptsFrom` up to `ptsTo` are encoded anew. */
  | {
      readonly kind: 'encoded';
      readonly from: number;
      readonly to: number;
      readonly ptsFrom: number;
      readonly ptsTo: number;
    };

/**
 * Which pictures of [ptsFrom, ptsTo) can be copied and which are encoded anew. Copies begin at IDRs, and end where what
 * was decoded so far is what is shown so far; the pictures of the partial groups at both ends are encoded.
 *
 * @param isIdr of a sample that the container calls sync: only nothing before an IDR is needed, and nothing after it
 *   shows before it
 */
export async function planVideo(
  index: VideoIndex,
  range: { readonly ptsFrom: number; readonly ptsTo: number },
  isIdr: (sample: number) => Promise<boolean>,
): Promise<VideoPart[]> {
  const { ptsFrom, ptsTo } = range;
  const { pts, sync } = index;
  const shown = (sample: number): boolean => pts[sample]! >= ptsFrom && pts[sample]! < ptsTo;
  const first = pts.findIndex((_, sample) => shown(sample));
  if (first === -1) return [];
  const last = pts.findLastIndex((_, sample) => shown(sample));
  const parts: VideoPart[] = [];
  const entry = await nextIdr(index, { from: first, to: last, atLeast: ptsFrom }, isIdr);
  const entryPts = entry === undefined ? ptsTo : pts[entry]!;
  const before = pts.findIndex((time, sample) => shown(sample) && time < entryPts);
  if (before !== -1) {
    const lastBefore = pts.findLastIndex((time, sample) => shown(sample) && time < entryPts);
    parts.push({
      kind: 'encoded',
      from: decodingStart(sync, before),
      to: lastBefore,
      ptsFrom,
      ptsTo: entryPts,
    });
  }
  if (entry === undefined) return parts;
  // Where a picture of after the end is decoded, copying has to stop.
  const beyond = pts.findIndex((time, sample) => sample > entry && time >= ptsTo);
  let end = beyond === -1 ? last : Math.min(last, beyond - 1);
  let rest = shownAfter(end);
  // Nothing that is encoded may show before what was copied.
  while (rest !== undefined && end >= entry && latest(entry, end) > rest) rest = shownAfter(--end);
  if (end >= entry) parts.push({ kind: 'copied', from: entry, to: end });
  if (rest !== undefined) {
    parts.push({ kind: 'encoded', from: decodingStart(sync, end + 1), to: last, ptsFrom: rest, ptsTo });
  }
  return parts;

  /** The earliest picture that is shown and decoded after `sample`. */
  function shownAfter(sample: number): number | undefined {
    let earliest: number | undefined;
    for (let i = sample + 1; i <= last; i++) {
      if (shown(i) && (earliest === undefined || pts[i]! < earliest)) earliest = pts[i];
    }
    return earliest;
  }

  function latest(from: number, to: number): number {
    let found = -Infinity;
    // Pictures are reordered by a few, never across half a second of them.
    for (let i = Math.max(from, to - 32); i <= to; i++) found = Math.max(found, pts[i]!);
    return found;
  }
}

async function nextIdr(
  { pts, sync }: VideoIndex,
  where: { readonly from: number; readonly to: number; readonly atLeast: number },
  isIdr: (sample: number) => Promise<boolean>,
): Promise<number | undefined> {
  for (let sample = where.from; sample <= where.to; sample++) {
    if (sync[sample] === 1 && pts[sample]! >= where.atLeast && (await isIdr(sample))) return sample;
  }
  return undefined;
}

function decodingStart(sync: Uint8Array, sample: number): number {
  return Math.max(0, sync.lastIndexOf(1, sample));
}
