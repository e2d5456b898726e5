import { AudioDecoder } from '../libav/audio-decoder.js';
import { AacFrames, audioTimeMs } from './bitstream/aac-frame.js';
import { BadSeam } from './bitstream/bad-seam.js';
import { ConfigChange } from './bitstream/config-change.js';
import { DamagedFrame } from './bitstream/damaged-frame.js';
import { EncoderChange } from './bitstream/encoder-change.js';
import { IllegalWindow } from './bitstream/illegal-window.js';
import { PrimingLeak } from './bitstream/priming-leak.js';
import type { AudioEvent, CaptureEvent, PcmEvent, VideoEvent } from './capture/event.js';
import { soundFormatOf } from './capture/sound-format.js';
import type { DetectorSet, Report, SoundDetector, StreamDetector } from './detector.js';
import type { Finding } from './finding.js';
import { Merge } from './merge.js';
import { Black } from './picture/black.js';
import { Freeze } from './picture/freeze.js';
import { Looks } from './picture/looks.js';
import { MissingIdr } from './picture/missing-idr.js';
import { BandwidthDrop } from './signal/bandwidth-drop.js';
import { Breaks } from './signal/breaks.js';
import { ChannelDropout } from './signal/channel-dropout.js';
import { Clipping } from './signal/clipping.js';
import { Holes } from './signal/holes.js';
import { LowBand } from './signal/low-band.js';
import { LevelJump } from './signal/level-jump.js';
import { NoiseBurst } from './signal/noise-burst.js';
import type { SoundPlace } from './signal/place-map.js';
import { Sound } from './signal/sound.js';
import { AudioTimes } from './time/audio-times.js';
import { Skew } from './time/skew.js';
import { VideoTimes } from './time/video-times.js';
import type { Witness } from './witness.js';

export interface AnalysisOptions {
  /** Whether pictures are decoded: without, only their times and headers are looked at, ten times faster. */
  readonly pictures: boolean;
  readonly onFinding: (finding: Finding) => void;
  readonly witness?: Witness | undefined;
  /** Detectors besides those that every analysis has. */
  readonly more?: ((report: Report) => DetectorSet) | undefined;
}

/** What was looked at. */
export interface CaptureSummary {
  readonly durationMs: number;
  readonly audio:
    | {
        readonly codec: string;
        readonly sampleRate: number;
        readonly channels: number;
        readonly units: number;
      }
    | undefined;
  readonly video:
    | { readonly codec: string; readonly width: number; readonly height: number; readonly units: number }
    | undefined;
  /** The coarsest tick of the stamps, in ms: jitter of up to one tick is rounding, and not reported. */
  readonly stampTickMs: number | undefined;
}

/** One pass over a capture: every detector at once, in memory that does not depend on its length. */
export class Analysis {
  readonly #merge: Merge;
  readonly #stream: readonly StreamDetector[];
  readonly #sound: readonly SoundDetector[];
  readonly #looks: Looks | undefined;
  readonly #report: Report;
  readonly #witness: Witness | undefined;
  #heard: Sound | undefined;
  #decoder: AudioDecoder | undefined;
  #originMs: number | undefined;
  #endMs = 0;
  #progressMs = 0;
  #decodeErrors = 0;
  #samplesPerUnit = 0;
  #audio: Omit<NonNullable<CaptureSummary['audio']>, 'units'> | undefined;
  #audioUnits = 0;
  #video: CaptureSummary['video'];
  #tickMs: number | undefined;

  constructor(options: AnalysisOptions) {
    this.#witness = options.witness;
    this.#merge = new Merge((merged) => {
      const finding = more.revise?.(merged) ?? merged;
      this.#witness?.finding(finding);
      options.onFinding({
        ...finding,
        timeMs: round(finding.timeMs - (this.#originMs ?? 0)),
        durationMs: round(finding.durationMs),
      });
    });
    const report: Report = (finding) => this.#merge.take(finding);
    this.#report = report;
    const damaged = new DamagedFrame(report);
    const low = new LowBand();
    const badSeam = new BadSeam(report, low);
    const more: DetectorSet = options.more?.(report) ?? { stream: [], sound: [] };
    this.#stream = [
      damaged,
      new AacFrames([
        damaged,
        badSeam,
        new IllegalWindow(report),
        new PrimingLeak(report),
        new EncoderChange(report),
      ]),
      new ConfigChange(report),
      new AudioTimes(report),
      new VideoTimes(report),
      new Skew(report),
      new MissingIdr(report),
      ...more.stream,
    ];
    this.#sound = [
      badSeam,
      new Holes(report),
      new ChannelDropout(report),
      new Breaks(report, low),
      new Clipping(report),
      new NoiseBurst(report),
      new LevelJump(report),
      new BandwidthDrop(report),
      ...more.sound,
    ];
    this.#looks = options.pictures ? new Looks([new Freeze(report), new Black(report)], report) : undefined;
  }

  push(event: CaptureEvent): void {
    this.#witness?.event(event);
    switch (event.type) {
      case 'audio':
        this.#pushAudio(event);
        break;
      case 'video':
        this.#pushVideo(event);
        break;
      case 'pcm':
        this.#pushPcm(event);
        break;
      case 'damage':
        for (const detector of this.#stream) detector.damage?.(event);
        break;
    }
    this.#merge.advance(this.#progressMs);
  }

  /** The capture is over: what detectors still held back is reported. */
  end(): CaptureSummary {
    for (const detector of this.#stream) detector.end?.();
    if (this.#heard !== undefined) for (const detector of this.#sound) detector.end?.(this.#heard);
    this.#looks?.end();
    this.#merge.end();
    return {
      durationMs: round(Math.max(0, this.#endMs - (this.#originMs ?? 0))),
      audio: this.#audio && {
        codec: this.#audio.codec,
        sampleRate: this.#audio.sampleRate,
        channels: this.#audio.channels,
        units: this.#audioUnits,
      },
      video: this.#video,
      stampTickMs: this.#tickMs,
    };
  }

  /** Idempotent. */
  close(): void {
    this.#decoder?.close();
    this.#looks?.close();
  }

  #pushAudio(event: AudioEvent): void {
    const { unit, place, stamp } = event;
    const timeMs = audioTimeMs(event);
    const lengthMs = (unit.durationSamples * 1000) / unit.config.sampleRate;
    this.#note(timeMs, lengthMs, stamp?.timescale);
    this.#progressMs += this.#video === undefined ? lengthMs : 0;
    this.#audio = unit.config;
    this.#audioUnits++;
    for (const detector of this.#stream) detector.audio?.(event);
    if (this.#decoder === undefined) this.#openSound(event);
    // Times are the stamps' business: here units simply follow each other.
    const pts = this.#samplesPerUnit;
    this.#samplesPerUnit += unit.durationSamples;
    const { kind, config, durationSamples, data } = unit;
    const block = this.#decoder!.decode({ kind, config, pts, durationSamples, data });
    this.#noteDecodeErrors(event, timeMs);
    if (block === undefined) return;
    this.#hear(block.channels, { timeMs, unit: place.index, byteOffset: place.byteOffset });
  }

  #openSound(event: AudioEvent): void {
    const format = soundFormatOf(event);
    this.#decoder = AudioDecoder.open({ ...format, reuse: true });
    this.#heard = new Sound(format.sampleRate, format.channels);
  }

  /** What the parser of AAC-LC passed, or never saw (other codecs), and the decoder refused. */
  #noteDecodeErrors({ unit, place }: AudioEvent, timeMs: number): void {
    const { errors } = this.#decoder!.stats;
    const isNew = errors > this.#decodeErrors;
    this.#decodeErrors = errors;
    if (!isNew) return;
    this.#report({
      kind: 'damaged-frame',
      medium: 'audio',
      severity: 'major',
      reason: 'decoders mute, repeat or distort a frame that they cannot read',
      timeMs,
      durationMs: (unit.durationSamples * 1000) / unit.config.sampleRate,
      unit: place.index,
      byteOffset: place.byteOffset,
      measured: { bytes: unit.data.length, problem: 'the decoder refuses it' },
      cause: 'bytes were changed or cut on the way',
    });
  }

  #pushVideo(event: VideoEvent): void {
    const { unit, stamp } = event;
    const timeMs = (stamp.pts * 1000) / stamp.timescale;
    const lengthMs = stamp.duration === undefined ? 0 : (stamp.duration * 1000) / stamp.timescale;
    this.#note(timeMs, lengthMs, stamp.timescale);
    const { codec, width, height } = unit.config;
    const units = (this.#video?.units ?? 0) + 1;
    this.#video = { codec, width, height, units };
    this.#progressMs = Math.max(this.#progressMs, timeMs - (this.#originMs ?? 0));
    for (const detector of this.#stream) detector.video?.(event);
    this.#looks?.video(event);
  }

  #pushPcm(event: PcmEvent): void {
    const { block, byteOffset, blockBytes } = event;
    const { sampleRate, channels, pts } = block;
    const timeMs = (pts * 1000) / sampleRate;
    const samples = channels[0]?.length ?? 0;
    this.#note(timeMs, (samples * 1000) / sampleRate, undefined);
    this.#progressMs = timeMs;
    this.#audio = { codec: 'pcm', sampleRate, channels: channels.length };
    const heard = channels.slice(0, 2);
    if (this.#heard === undefined) {
      const format = soundFormatOf(event);
      this.#heard = new Sound(format.sampleRate, format.channels);
    }
    this.#hear(heard, { timeMs, unit: undefined, byteOffset }, blockBytes);
  }

  #hear(channels: readonly Float32Array[], place: SoundPlace, blockBytes = 0): void {
    const sound = this.#heard!;
    sound.append(channels, place, blockBytes);
    this.#witness?.sound(channels, sound.sampleRate, place);
    for (const detector of this.#sound) detector.advance(sound);
  }

  #note(timeMs: number, lengthMs: number, timescale: number | undefined): void {
    this.#originMs ??= timeMs;
    this.#endMs = Math.max(this.#endMs, timeMs + lengthMs);
    if (timescale !== undefined) this.#tickMs = Math.max(this.#tickMs ?? 0, round(1000 / timescale));
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
