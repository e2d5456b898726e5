import { createReadStream } from 'node:fs';
import { MalformedMediaError } from '../../base/errors.js';
import { parseAsc } from '../../codec/aac/asc.js';
import { parseAvcc } from '../../codec/h264/avcc.js';
import { parseAudioBody, parseVideoBody } from '../../container/flv/body.js';
import {
  FILE_HEADER_BYTES,
  PREVIOUS_TAG_SIZE_BYTES,
  TAG_HEADER_BYTES,
  TagType,
} from '../../container/flv/tag.js';
import { FlvTagReader } from '../../container/flv/tag-reader.js';
import { FlvUnitReader } from '../../container/flv/unit-reader.js';
import { sameConfig, type VideoConfig } from '../../media/access-unit.js';
import { rescale } from '../../media/timestamp.js';
import {
  PictureColumns,
  RunBuilder,
  withLengthSize,
  type MediaIndex,
  type VideoIndex,
} from './media-index.js';

const CHUNK_BYTES = 1024 * 1024;
/** Times in whole milliseconds, rounded by the writer and perhaps by its source before. */
const ROUNDING_SECONDS = 0.002;
const DEFAULT_PICTURE_TICKS = 3000;

/**
 * Where the units of an FLV lie. A tag that the file ends within is left out, as players do.
 *
 * @throws MalformedMediaError when it is damaged, UnsupportedMediaError when it is not H.264 and AAC
 */
export async function indexFlv(path: string): Promise<MediaIndex> {
  const tags = new FlvTagReader();
  const units = new FlvUnitReader();
  const pictures = new PictureColumns();
  const configs: PictureConfig[] = [];
  let audio: RunBuilder | undefined;
  let hasSoundWithoutHeader = false;
  let frameLength = 1024;
  let lengthSize = 4;
  // Of the next tag.
  let position: number | undefined;
  for await (const piece of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const chunk = piece as Buffer;
    position ??=
      (chunk.length >= FILE_HEADER_BYTES ? chunk.readUInt32BE(5) : FILE_HEADER_BYTES) +
      PREVIOUS_TAG_SIZE_BYTES;
    for (const tag of tags.push(chunk)) {
      const body: number = (position ?? 0) + TAG_HEADER_BYTES;
      position = body + tag.body.length + PREVIOUS_TAG_SIZE_BYTES;
      if (tag.type === TagType.video) {
        const parsed = parseVideoBody(tag.body);
        if (parsed.kind === 'sequence-header' && parsed.avcc.length > 0) {
          ({ lengthSize } = parseAvcc(parsed.avcc));
        }
        const unit = units.read(tag);
        if (unit?.kind !== 'video' || parsed.kind !== 'picture') continue;
        pictures.add({
          offset: body + tag.body.length - parsed.data.length,
          size: parsed.data.length,
          dts: unit.dts,
          pts: unit.pts,
          isSync: unit.isIdr,
          config: configIndex(configs, unit.config, lengthSize),
        });
      } else {
        const unheaded = units.stats.withoutHeader;
        const unit = units.read(tag);
        hasSoundWithoutHeader ||= units.stats.withoutHeader > unheaded;
        if (unit?.kind !== 'audio') continue;
        const parsed = parseAudioBody(tag.body);
        if (parsed.kind !== 'frame' || unit.config.codec !== 'aac') continue;
        frameLength = parseAsc(unit.config.asc).frameLength;
        audio ??= new RunBuilder({
          tolerance: Math.ceil(unit.config.sampleRate * ROUNDING_SECONDS),
          frameLength,
        });
        audio.add({
          config: unit.config,
          pts: unit.pts,
          offset: body + tag.body.length - parsed.data.length,
          size: parsed.data.length,
        });
      }
    }
  }
  // Ends the tag reader's own check of the header for files that are shorter than it.
  if (position === undefined) tags.push(Buffer.from('not FLV at all'));
  if (audio === undefined && hasSoundWithoutHeader) {
    throw new MalformedMediaError('FLV: expected an AAC sequence header before its sound, got none');
  }
  const first = audio?.runs[0];
  const last = audio?.runs.at(-1);
  const columns = pictures.columns;
  return {
    audio:
      audio === undefined || first === undefined || last === undefined
        ? undefined
        : {
            ...audio.columns,
            frameLength,
            runs: audio.runs,
            from: Math.max(0, first.origin),
            to: rescale(
              last.origin + last.count * frameLength,
              last.config.sampleRate,
              first.config.sampleRate,
            ),
          },
    video: pictures.length === 0 ? undefined : { ...columns, configs, to: presentedEnd(columns.pts) },
  };
}

type PictureConfig = VideoIndex['configs'][number];

function configIndex(configs: PictureConfig[], config: VideoConfig, lengthSize: number): number {
  const described = withLengthSize(config, lengthSize);
  const known = configs.findIndex(
    (one) => one.lengthSize === lengthSize && sameConfig(one.config, described),
  );
  return known === -1 ? configs.push({ config: described, lengthSize }) - 1 : known;
}

/** The last picture lasts as long as the one before it. */
function presentedEnd(times: Float64Array): number {
  let last = -Infinity;
  let before = -Infinity;
  for (const time of times) {
    if (time > last) [before, last] = [last, time];
    else if (time > before) before = time;
  }
  return last + (Number.isFinite(before) ? last - before : DEFAULT_PICTURE_TICKS);
}
