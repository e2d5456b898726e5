import { UnsupportedMediaError } from '../base/errors.js';
import { sameConfig } from '../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { CutPiece } from './cut-pieces.js';
import { Columns, SPOOL, type PictureTrack } from './output/columns.js';
import type { Spool } from './output/spool.js';
import type { VideoIndex } from './source/media-index.js';
import type { SourceFile } from './source/source-file.js';
import { encodePart, type VideoEncoding } from './video/encode-part.js';
import { planVideo, type VideoPart } from './video/plan-video.js';

export interface SplicedPictures {
  readonly track: PictureTrack;
  /** By cut piece. */
  readonly encoded: readonly number[];
  readonly copied: number;
  readonly notes: readonly (readonly string[])[];
}

/** Second generation, so with room to spare; partial groups are short. */
const BITRATE_HEADROOM = 1.6;
const MIN_BITRATE_BPS = 500_000;
const MAX_BITRATE_BPS = 60_000_000;

/** Lays the pictures of the pieces end to end, encoding what cannot be copied into the spool. */
export async function splicePictures(
  cuts: readonly CutPiece[],
  sources: readonly SourceFile[],
  options: {
    /** Samples per second of the cuts. */
    readonly clock: number;
    readonly spool: Spool;
    readonly onProgress: (share: number) => void;
    readonly cancelled: () => boolean;
  },
): Promise<SplicedPictures> {
  const columns = new Columns();
  const configs: { config: PictureTrack['configs'][number]['config']; lengthSize: number }[] = [];
  const notes = cuts.map((): string[] => []);
  const encoded = cuts.map(() => 0);
  const configIndex = (described: PictureTrack['configs'][number]): number => {
    const known = configs.findIndex(({ config }) => sameConfig(config, described.config));
    return known === -1 ? configs.push(described) - 1 : known;
  };
  const delay = Math.max(...cuts.map(({ source }) => reorderingDelay(sources[source]!.index.video)));
  const size = firstSize(sources[cuts[0]!.source]!);
  let lastDts = -Infinity;
  const add = (sample: Parameters<Columns['add']>[0]): void => {
    lastDts = sample.dts = Math.max(sample.dts, lastDts + 1);
    sample.pts = Math.max(sample.pts, sample.dts);
    columns.add(sample);
  };
  let at = 0;
  let copied = 0;
  for (const [cut, piece] of cuts.entries()) {
    const source = sources[piece.source]!;
    const index = pictureIndex(source);
    const ticks = (samples: number): number => rescale(samples, options.clock, VIDEO_TIMESCALE);
    const range = { ptsFrom: ticks(piece.in), ptsTo: ticks(piece.out) };
    const shift = ticks(at) - range.ptsFrom;
    at += piece.out - piece.in;
    const fits = index.configs.every(
      ({ config }) => config.width === size.width && config.height === size.height,
    );
    const { width, height } = index.configs[0]!.config;
    if (!fits) notes[cut]!.push(`its pictures are ${width}x${height}`);
    const parts = fits
      ? await planVideo(index, range, async (sample) => (await source.videoUnit(sample)).isIdr)
      : wholly(index, range);
    for (const part of parts) {
      if (options.cancelled()) break;
      if (part.kind === 'copied') {
        const sourceDelay = index.pts[part.from]! - index.dts[part.from]!;
        const mapped = new Map<number, number>();
        for (let i = part.from; i <= part.to; i++) {
          const own = index.configOf[i]!;
          let config = mapped.get(own);
          if (config === undefined) mapped.set(own, (config = configIndex(index.configs[own]!)));
          add({
            source: piece.source,
            offset: index.offsets[i]!,
            size: index.sizes[i]!,
            dts: index.dts[i]! + shift + sourceDelay - delay,
            pts: index.pts[i]! + shift,
            isSync: index.sync[i] === 1,
            config,
          });
        }
        copied += part.to - part.from + 1;
        continue;
      }
      for await (const unit of encodePart(source, part, encodingFor(index, size))) {
        add({
          source: SPOOL,
          offset: await options.spool.add(unit.data),
          size: unit.data.length,
          dts: unit.pts + shift - delay,
          pts: unit.pts + shift,
          isSync: unit.isIdr,
          config: configIndex({ config: unit.config, lengthSize: 4 }),
        });
        encoded[cut]!++;
        if (options.cancelled()) break;
        options.onProgress(
          (unit.pts - range.ptsFrom) / (range.ptsTo - range.ptsFrom) / cuts.length + cut / cuts.length,
        );
      }
    }
  }
  const length = rescale(at, options.clock, VIDEO_TIMESCALE);
  return { track: { columns: columns.laid, configs, length }, encoded, copied, notes };
}

function pictureIndex(source: SourceFile): VideoIndex {
  const { video } = source.index;
  if (video === undefined || video.configs.length === 0) {
    throw new UnsupportedMediaError(
      `${source.name}: expected pictures as the other pieces have, got sound alone`,
      {
        hint: 'Write .m4a or .aac to splice the sound alone.',
      },
    );
  }
  return video;
}

/** Longest time from decoding to presentation: what all pictures are decoded ahead by. */
function reorderingDelay(index: VideoIndex | undefined): number {
  let longest = 0;
  for (let i = 0; i < (index?.pts.length ?? 0); i++) {
    // At sync samples: that is where copies begin.
    if (index!.sync[i] === 1) longest = Math.max(longest, index!.pts[i]! - index!.dts[i]!);
  }
  return longest;
}

function firstSize(source: SourceFile): { width: number; height: number } {
  const { width, height } = pictureIndex(source).configs[0]!.config;
  return { width, height };
}

/** Pictures of another size are encoded from the first to the last. */
function wholly(index: VideoIndex, range: { ptsFrom: number; ptsTo: number }): VideoPart[] {
  const shown = (time: number): boolean => time >= range.ptsFrom && time < range.ptsTo;
  const first = index.pts.findIndex(shown);
  if (first === -1) return [];
  const from = Math.max(0, index.sync.lastIndexOf(1, first));
  return [{ kind: 'encoded', from, to: index.pts.findLastIndex(shown), ...range }];
}

function encodingFor(index: VideoIndex, size: { width: number; height: number }): VideoEncoding {
  const bytes = index.sizes.reduce((sum, bytes_) => sum + bytes_, 0);
  const first = index.pts.reduce((least, time) => Math.min(least, time), Infinity);
  const seconds = Math.max(0.1, (index.to - first) / VIDEO_TIMESCALE);
  const { width, height } = index.configs[0]!.config;
  const area = (size.width * size.height) / (width * height);
  const wanted = ((8 * bytes) / seconds) * BITRATE_HEADROOM * Math.max(1, area);
  return {
    // H.264 in 4:2:0 has even sides; odd ones can only come from cropping.
    width: size.width - (size.width % 2),
    height: size.height - (size.height % 2),
    fps: Math.max(1, Math.min(120, Math.round(index.pts.length / seconds))),
    bitrateBps: Math.round(Math.min(MAX_BITRATE_BPS, Math.max(MIN_BITRATE_BPS, wanted))),
  };
}
