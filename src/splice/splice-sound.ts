import { AacEncoder } from '../libav/aac-encoder.js';
import { rescale } from '../media/timestamp.js';
import { bridgeEncoders, maxBitrateBps } from './bridge-encoder.js';
import type { CutPiece } from './cut-pieces.js';
import { Columns, SPOOL, type SoundTrack } from './output/columns.js';
import type { Spool } from './output/spool.js';
import { jointNoise, jointNoiseReach, type JointNoiseOptions } from './joint-noise.js';
import { FRAME, type SplicePiece } from './piece.js';
import { whyNotPassed, type SoundFormat } from './sound-format.js';
import { DecodedSound } from './source/decoded-sound.js';
import type { AudioRun } from './source/media-index.js';
import { naming, type SourceFile } from './source/source-file.js';
import { Splicer } from './splicer.js';
import type { SpliceJob } from './splice-job.js';

/** A stretch of a cut piece that is one run of units, or silence between runs. */
interface Stretch {
  readonly cut: number;
  readonly source: number;
  readonly run: AudioRun | undefined;
}

export interface SplicedSound {
  readonly track: SoundTrack;
  readonly splicer: Splicer;
  /** Of the splicer's pieces: which cut piece each belongs to. */
  readonly cutOf: readonly number[];
  /** By cut piece: why its units could not be passed through. */
  readonly notes: readonly (readonly string[])[];
  readonly passedFrames: readonly number[];
  /** Of each of the splicer's bridges: see {@link jointNoise}; undefined where it meets nothing that is passed. */
  readonly excessDb: readonly (number | undefined)[];
}

/** What is encoded gets this much more than its neighbours, being encoded the second time. */
const BITRATE_HEADROOM = 2;
const MIN_CHANNEL_BPS = 96_000;

/** Splices the sound of the pieces. What is encoded goes into the spool. */
export async function spliceSound(
  cuts: readonly CutPiece[],
  sources: readonly SourceFile[],
  options: {
    readonly format: SoundFormat;
    readonly job: SpliceJob;
    readonly spool: Spool;
    readonly onProgress: (share: number) => void;
    readonly cancelled: () => boolean;
  },
): Promise<SplicedSound> {
  const { format, job, spool } = options;
  const sounds = sources.map(
    (source) => new DecodedSound(source, { ...format, extend: job.techniques.duplicate }),
  );
  const pieces: SplicePiece[] = [];
  const stretches: Stretch[] = [];
  const notes = cuts.map((): string[] => []);
  try {
    for (const [cut, piece] of cuts.entries()) {
      const source = sources[piece.source]!;
      const isLast = cut === cuts.length - 1;
      for (const part of partsOf(source, piece, { rate: format.sampleRate, isLast })) {
        const note =
          part.run === undefined || job.audio === 'exact'
            ? undefined
            : await whyNotPassed(source, part.run, format);
        if (note !== undefined && !notes[cut]!.includes(note)) notes[cut]!.push(note);
        const passes = part.run !== undefined && job.audio === 'smart' && note === undefined;
        const sound = sounds[piece.source]!;
        pieces.push({
          start: part.start,
          length: part.length,
          available: part.available,
          pcm: (from, to) => naming(piece.name, () => sound.read(from, to)),
          units: passes && part.run !== undefined ? unitsOf(source, part.run) : undefined,
        });
        stretches.push({ cut, source: piece.source, run: part.run });
      }
    }
    const bitrateBps = job.audioBitrateBps ?? bitrateFor(sources, format);
    const openEncoder = (): AacEncoder => AacEncoder.open({ ...format, bitrateBps });
    const splicer = new Splicer({
      pieces,
      sampleRate: format.sampleRate,
      channels: format.channels,
      config: format.info,
      openEncoder,
      bridgeEncoders: job.audioBitrateBps === undefined ? bridgeEncoders(format) : undefined,
      techniques: job.techniques,
      trims: job.format === 'mp4' || job.format === 'm4a',
    });
    const columns = new Columns();
    const passedFrames = cuts.map(() => 0);
    for await (const run of splicer.runs()) {
      if (options.cancelled()) break;
      const stretch = run.kind === 'passed' ? stretches[run.piece] : undefined;
      const count = run.kind === 'passed' ? run.count : run.data.length;
      for (let i = 0; i < count; i++) {
        const pts = splicer.timeOf(run.frame + i);
        let [source, offset, size] = [SPOOL, 0, 0];
        if (run.kind === 'bridged') {
          const data = run.data[i]!;
          offset = await spool.add(data);
          size = data.length;
        } else {
          const audio = sources[stretch!.source]!.index.audio!;
          const unit = stretch!.run!.first + run.unit + i;
          source = stretch!.source;
          offset = audio.offsets[unit]!;
          size = audio.sizes[unit]!;
        }
        columns.add({ source, offset, size, dts: pts, pts, isSync: true, config: 0 });
      }
      if (stretch !== undefined) passedFrames[stretch.cut]! += count;
      options.onProgress(
        (run.frame + count - splicer.firstFrame) / (splicer.lastFrame - splicer.firstFrame + 1),
      );
    }
    const { sampleRate, channels, asc } = format;
    const laid = columns.laid;
    const excessDb = await noises(splicer, {
      config: { codec: 'aac', sampleRate, channels, asc },
      unit: async (frame) => {
        const at = frame - splicer.firstFrame;
        const source = laid.source[at];
        if (source === undefined) return undefined;
        const [offset, size] = [laid.offset[at]!, laid.size[at]!];
        return source === SPOOL ? spool.read(offset, size) : sources[source]!.read(offset, size);
      },
      sound: (frame) => splicer.sound(splicer.timeOf(frame), splicer.timeOf(frame + 1)),
      open: openEncoder,
    });
    return {
      track: { columns: laid, sampleRate, channels, asc, length: splicer.plan.length },
      splicer,
      cutOf: stretches.map(({ cut }) => cut),
      notes,
      passedFrames,
      excessDb,
    };
  } finally {
    for (const sound of sounds) sound.close();
  }
}

interface FramesToRead extends Pick<JointNoiseOptions, 'config' | 'open'> {
  readonly unit: (frame: number) => Promise<Buffer | undefined>;
  readonly sound: (frame: number) => Promise<readonly Float32Array[]>;
}

/** The louder of the two joints of each bridge. */
async function noises(splicer: Splicer, frames: FramesToRead): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for (const { frame, frames: count, start, end } of splicer.bridges) {
    const joints = [...(start === 'none' ? [] : [frame]), ...(end === 'none' ? [] : [frame + count])];
    let loudest: number | undefined;
    for (const joint of joints) loudest = Math.max(loudest ?? -Infinity, await noiseAt(joint, frames));
    found.push(loudest);
  }
  return found;
}

async function noiseAt(joint: number, frames: FramesToRead): Promise<number> {
  const units = new Map<number, Buffer | undefined>();
  const sound = new Map<number, readonly Float32Array[]>();
  for (let frame = joint + jointNoiseReach.from; frame < joint + jointNoiseReach.to; frame++) {
    units.set(frame, await frames.unit(frame));
    sound.set(frame, await frames.sound(frame));
  }
  return jointNoise(joint, {
    config: frames.config,
    open: frames.open,
    unit: (frame) => units.get(frame),
    sound: (frame) => sound.get(frame)!,
  });
}

interface Part {
  readonly start: number;
  readonly length: number;
  readonly available: { readonly from: number; readonly to: number };
  readonly run: AudioRun | undefined;
}

/** A cut piece by runs of its units, at the program's rate; what lies between runs has no units. */
function* partsOf(
  source: SourceFile,
  piece: CutPiece,
  options: { readonly rate: number; readonly isLast: boolean },
): Generator<Part> {
  const audio = source.index.audio;
  const scale = (samples: number, run: AudioRun): number =>
    rescale(samples, run.config.sampleRate, options.rate);
  const [firstRun] = audio?.runs ?? [];
  const available =
    audio === undefined || firstRun === undefined
      ? { from: 0, to: 0 }
      : { from: scale(audio.from, firstRun), to: scale(audio.to, firstRun) };
  // Sound that ends before the last picture does ends the program's sound: there is nothing to be made up.
  const out = options.isLast && available.to > piece.in ? Math.min(piece.out, available.to) : piece.out;
  let at = piece.in;
  for (const run of audio?.runs ?? []) {
    const from = scale(run.origin, run);
    const to = Math.min(scale(run.origin + run.count * (audio?.frameLength ?? FRAME), run), available.to);
    if (to <= at || from >= out) continue;
    if (from > at) yield { start: at, length: from - at, available, run: undefined };
    const start = Math.max(at, from);
    const end = Math.min(to, out);
    yield { start, length: end - start, available, run };
    at = end;
  }
  if (at < out) yield { start: at, length: out - at, available, run: undefined };
}

function unitsOf(source: SourceFile, run: AudioRun): NonNullable<SplicePiece['units']> {
  return {
    origin: run.origin,
    count: run.count,
    read: async (index) => (await source.audioUnit(run, index)).data,
  };
}

function bitrateFor(sources: readonly SourceFile[], format: SoundFormat): number {
  let highest = 0;
  for (const { index } of sources) {
    const [run] = index.audio?.runs ?? [];
    if (index.audio === undefined || run === undefined || index.audio.sizes.length === 0) continue;
    const bytes = index.audio.sizes.reduce((sum, size) => sum + size, 0);
    const seconds = (index.audio.sizes.length * index.audio.frameLength) / run.config.sampleRate;
    highest = Math.max(highest, (8 * bytes) / seconds);
  }
  const wanted = Math.max(highest * BITRATE_HEADROOM, MIN_CHANNEL_BPS * format.channels);
  return Math.floor(Math.min(maxBitrateBps(format), wanted));
}
