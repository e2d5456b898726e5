import { open, type FileHandle } from 'node:fs/promises';
import { InvalidOptionError, MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { openInput } from '../../base/input-file.js';
import { joinLengthPrefixed, NalType, nalType, splitLengthPrefixed } from '../../codec/h264/nal.js';
import { readAt } from '../../container/mp4/file-boxes.js';
import type { AudioUnit, VideoUnit } from '../../media/access-unit.js';
import { rescale, VIDEO_TIMESCALE } from '../../media/timestamp.js';
import { indexAdts } from './adts-index.js';
import { indexFlv } from './flv-index.js';
import type { AudioRun, MediaIndex } from './media-index.js';
import { indexMp4 } from './mp4-index.js';

/** Bytes read ahead: neighbours of a unit are wanted next. */
const WINDOW_BYTES = 256 * 1024;

/** An input with its index. */
export class SourceFile {
  /** As the user named it. */
  readonly name: string;
  /** The file that is read: another one where it had to be brought in. */
  readonly path: string;
  readonly index: MediaIndex;
  readonly #file: FileHandle;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  /**
   * @param bringIn turns a file of another kind into an MP4 of H.264 and AAC, and says where that is
   * @throws errors of the taxonomy, each naming the file
   */
  static async open(name: string, bringIn: (path: string) => Promise<string>): Promise<SourceFile> {
    return naming(name, async () => {
      const found = (await indexed(name)) ?? { path: await bringIn(name), index: undefined };
      const index = fromZero(found.index ?? (await indexMp4(found.path)));
      if (index.audio === undefined && index.video === undefined) {
        throw new UnsupportedMediaError('neither pictures nor sound in it');
      }
      return new SourceFile(name, found.path, index, await open(found.path, 'r'));
    });
  }

  private constructor(name: string, path: string, index: MediaIndex, file: FileHandle) {
    this.name = name;
    this.path = path;
    this.index = index;
    this.#file = file;
  }

  /** @throws MalformedMediaError when the file ends before */
  async read(offset: number, size: number): Promise<Buffer> {
    const begin = offset - this.#windowStart;
    if (begin < 0 || begin + size > this.#window.length) {
      this.#windowStart = offset;
      this.#window = await readAt(this.#file, offset, Math.max(size, WINDOW_BYTES));
    }
    const from = offset - this.#windowStart;
    const data = this.#window.subarray(from, from + size);
    if (data.length < size) {
      throw new MalformedMediaError(`${this.name}: expected ${size} bytes, got ${data.length}`, { offset });
    }
    return Buffer.from(data);
  }

  async audioUnit(run: AudioRun, index: number): Promise<AudioUnit> {
    const audio = this.index.audio;
    const at = run.first + index;
    const durationSamples = audio?.frameLength ?? 0;
    return {
      kind: 'audio',
      config: run.config,
      pts: run.origin + index * durationSamples,
      durationSamples,
      data: await this.read(audio?.offsets[at] ?? 0, audio?.sizes[at] ?? 0),
    };
  }

  /** For decoders: parameter sets and delimiters left out, lengths of 4 bytes. */
  async videoUnit(index: number): Promise<VideoUnit> {
    const video = this.index.video;
    const described = video?.configs[video.configOf[index] ?? 0];
    if (video === undefined || described === undefined) {
      throw new MalformedMediaError(`${this.name}: picture ${index} has no sample entry`);
    }
    const data = await this.read(video.offsets[index] ?? 0, video.sizes[index] ?? 0);
    const nals = await naming(this.name, () => splitLengthPrefixed(data, described.lengthSize));
    const kept = nals.filter((nal) => !leftOut.has(nalType(nal)));
    return {
      kind: 'video',
      config: withFourByteLengths(described.config),
      pts: video.pts[index] ?? 0,
      dts: video.dts[index] ?? 0,
      isIdr: nals.some((nal) => nalType(nal) === NalType.idr),
      data: joinLengthPrefixed(kept),
    };
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

const leftOut: ReadonlySet<number> = new Set([NalType.sps, NalType.pps, NalType.accessUnitDelimiter]);
const configs = new WeakMap<VideoUnit['config'], VideoUnit['config']>();

function withFourByteLengths(config: VideoUnit['config']): VideoUnit['config'] {
  let found = configs.get(config);
  if (found === undefined) {
    const avcc = Buffer.from(config.avcc);
    avcc[4] = 0xff;
    found = { ...config, avcc };
    configs.set(config, found);
  }
  return found;
}

/** Recordings begin at any time on their own clock: what a file presents first becomes its time 0. */
function fromZero({ audio, video }: MediaIndex): MediaIndex {
  const rate = audio?.runs[0]?.config.sampleRate ?? 1;
  const sound = audio === undefined ? Infinity : rescale(audio.from, rate, VIDEO_TIMESCALE);
  const pictures = (video?.pts ?? new Float64Array()).reduce(
    (least, time) => Math.min(least, time),
    Infinity,
  );
  const first = Math.min(sound, Math.max(0, pictures));
  if (first <= 0 || !Number.isFinite(first)) return { audio, video };
  const samples = (own: number): number => rescale(first, VIDEO_TIMESCALE, own);
  return {
    audio: audio && {
      ...audio,
      runs: audio.runs.map((run) => ({ ...run, origin: run.origin - samples(run.config.sampleRate) })),
      from: audio.from - samples(rate),
      to: audio.to - samples(rate),
    },
    video: video && {
      ...video,
      dts: video.dts.map((time) => time - first),
      pts: video.pts.map((time) => time - first),
      to: video.to - first,
    },
  };
}

/** @returns undefined when the file is of a kind that ffmpeg has to bring in */
async function indexed(path: string): Promise<{ path: string; index: MediaIndex } | undefined> {
  const file = await openInput(path);
  let head: Buffer;
  try {
    head = await readAt(file, 0, 12);
  } catch (cause) {
    throw new InvalidOptionError('cannot be read', { cause });
  } finally {
    await file.close();
  }
  if (head.length === 0) throw new MalformedMediaError('expected media, got an empty file');
  const index = indexerOf(head);
  if (index === undefined) return undefined;
  try {
    return { path, index: await index(path) };
  } catch (error) {
    if (error instanceof UnsupportedMediaError) return undefined;
    throw error;
  }
}

function indexerOf(head: Buffer): ((path: string) => Promise<MediaIndex>) | undefined {
  if (head.toString('latin1', 0, 3) === 'FLV') return indexFlv;
  if (['ftyp', 'moov', 'mdat', 'free', 'wide', 'styp'].includes(head.toString('latin1', 4, 8)))
    return indexMp4;
  const isAdts = head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0;
  // An ID3 tag stands before MP3 as well: ffmpeg knows the difference.
  return isAdts ? indexAdts : undefined;
}

/** Runs something and puts the file's name before the message of what it throws. */
export async function naming<T>(name: string, run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith(name))
      error.message = `${name}: ${error.message}`;
    throw error;
  }
}
