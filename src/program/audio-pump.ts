import type { Logger } from '../base/logger.js';
import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { channelWindows, parseRawDataBlock } from '../codec/aac/raw-data-block.js';
import type { AacUnit, AudioUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import type { ProgramSource } from '../media/program-settings.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { LiveSeam } from '../splice/live-seam.js';
import type { SourceFrame } from '../splice/live-sound.js';
import { LiveSplicer } from '../splice/live-splicer.js';
import { FRAME } from '../splice/piece.js';
import type { AudioFormat } from './audio-format.js';
import type { ProgramAacEncoder, ProgramOpusEncoder, Who } from './ports.js';
import type { ProgramTimeline } from './timeline.js';

/** Frames encoded in one go, so that a long hole is caught up without holding up the pictures. */
const MAX_FRAMES_AT_ONCE = 24;
/** So long after the first picture the sound begins, in 1/90000 s, when none of the host's has come to begin with. */
const FIRST_SOUND = VIDEO_TIMESCALE / 4;

export interface AudioPumpOptions {
  readonly format: () => AudioFormat;
  readonly timeline: ProgramTimeline;
  readonly logger: Logger;
  readonly openEncoder: () => ProgramAacEncoder;
  /** The sound of [pts, pts + frames); `undefined` when there is none to be had, which becomes silence. */
  readonly render: (pts: number, frames: number, who: Who) => PcmBlock | undefined;
  /** The host's own unit at this program time. */
  readonly hostFrame: (pts: number) => SourceFrame | undefined;
  /** Whether the host's sound, where it is alone, is to be on air as it is. */
  readonly mayPass: () => boolean;
  readonly onOpus: (unit: AudioUnit) => void;
  readonly onSeam: (seam: LiveSeam) => void;
}

/**
 * The program's sound: the mixer's PCM in blocks of one AAC frame, and where the host is alone its own AAC, through a
 * {@link LiveSplicer} that lives as long as the program. Whatever happens to the sources, the next block follows on the
 * last one; what is not there is silence.
 */
export class AudioPump {
  readonly #options: AudioPumpOptions;
  /** Program time of the first picture in 1/90000 s, while the sound has not begun. */
  #begunAt: number | undefined;
  #splicer: LiveSplicer | undefined;
  /** Time of the next sample to be rendered, at the program rate. */
  #position = 0;
  /** The splicer failed once: nothing is passed through any more. */
  #hasFailed = false;
  #lastUnit: AacUnit | undefined;
  #who: Who = 'host';
  #change: { readonly from: number; readonly who: Who } | undefined;
  #opus: ProgramOpusEncoder | undefined;

  constructor(options: AudioPumpOptions) {
    this.#options = options;
  }

  /** The program has begun, with sound or about to have it. */
  get running(): boolean {
    return this.#begunAt !== undefined || this.#splicer !== undefined;
  }

  /** The format and the grid can still be chosen. */
  get isWaiting(): boolean {
    return this.#splicer === undefined;
  }

  /** Who is heard in the next frame. */
  get who(): Who {
    const change = this.#change;
    return change !== undefined && this.#position >= change.from ? change.who : this.#who;
  }

  /** The last unit put out. */
  get lastUnit(): AacUnit | undefined {
    return this.#lastUnit;
  }

  /** A time at which a frame begins, in samples; undefined before there is a grid. */
  get grid(): number | undefined {
    return this.#splicer === undefined ? undefined : this.#position;
  }

  /** The first picture is at `videoPts` (1/90000 s); the sound begins there once it is known what it is made of. */
  begin(videoPts: number): void {
    this.#begunAt = videoPts;
  }

  /**
   * The sound begins, at the frame border at or before the first picture, but never before the timeline's next one.
   *
   * @param border a program time at which a frame is to begin, in samples
   */
  start(border = 0): void {
    if (this.#begunAt === undefined || this.#splicer !== undefined) return;
    const pts = rescale(this.#begunAt, VIDEO_TIMESCALE, this.#options.format().sampleRate);
    const splicer = this.#openSplicer();
    const first = pts - splicer.leadFrames * FRAME;
    this.#options.timeline.startAudio(Math.floor((first - border) / FRAME) * FRAME + border);
    this.#use(splicer);
  }

  /** Takes up the sound of a program that was on the air before. @param last its last unit, where it is known */
  resume(last: Buffer | undefined): void {
    this.#use(this.#openSplicer(last));
  }

  /** The program is over; {@link begin} begins another. */
  stop(): void {
    this.#splicer?.close();
    this.#splicer = undefined;
    this.#begunAt = undefined;
  }

  /** From program time `from` on (samples) the sound is that of `who`, or from earlier on if that was said before. */
  setWho(who: Who, from: number): void {
    if (this.#change?.who !== who) this.#change = { who, from };
  }

  setOpus(encoder: ProgramOpusEncoder | undefined): void {
    this.#opus?.close();
    this.#opus = encoder;
  }

  /**
   * Renders whole frames up to `limit` (samples), and puts out what they complete.
   *
   * @returns whether it stopped short of `limit` and should be called again soon
   */
  pumpTo(limit: number, source: ProgramSource): boolean {
    if (this.#begunAt !== undefined) {
      const soundAt = this.#begunAt + FIRST_SOUND;
      if (limit >= rescale(soundAt, VIDEO_TIMESCALE, this.#options.format().sampleRate)) this.start();
    }
    for (let frames = 0; this.#splicer !== undefined && this.#position + FRAME <= limit; frames++) {
      if (frames === MAX_FRAMES_AT_ONCE) return true;
      this.#pump(this.#splicer, source);
    }
    return false;
  }

  close(): void {
    this.#opus?.close();
    this.stop();
  }

  #pump(splicer: LiveSplicer, source: ProgramSource): void {
    const { hostFrame, mayPass, timeline, onOpus, logger } = this.#options;
    this.#who = this.who;
    const pcm = this.#render(this.#position);
    for (const unit of this.#opus?.encode(pcm) ?? []) onOpus(unit);
    const frame = {
      mixed: pcm.channels,
      source: this.#hasFailed ? undefined : hostFrame(this.#position),
      isAlone: this.#who === 'host' && mayPass(),
    };
    this.#position += FRAME;
    try {
      for (const { unit } of splicer.push(frame)) {
        this.#lastUnit = unit;
        timeline.audio(unit, source);
      }
    } catch (error) {
      if (this.#hasFailed) throw error;
      logger.error({ err: error }, 'the splicer failed: the host’s sound is encoded from now on');
      this.#hasFailed = true;
      splicer.close();
      this.#use(this.#openSplicer(this.#lastUnit?.data));
    }
  }

  #openSplicer(last?: Buffer): LiveSplicer {
    const { format, openEncoder, onSeam } = this.#options;
    return new LiveSplicer({
      ...format(),
      open: openEncoder,
      before: last && windowsOf(last, format()),
      onSeam,
    });
  }

  /** Its first unit is the timeline's next one, and comes out so many frames before the first that goes in. */
  #use(splicer: LiveSplicer): void {
    this.#begunAt = undefined;
    this.#splicer = splicer;
    this.#position = (this.#options.timeline.nextAudioPts ?? 0) + splicer.leadFrames * FRAME;
  }

  #render(pts: number): PcmBlock {
    const { format, render } = this.#options;
    const { sampleRate, channels } = format();
    return (
      render(pts, FRAME, this.#who) ?? {
        sampleRate,
        pts,
        channels: Array.from({ length: channels }, () => new Float32Array(FRAME)),
      }
    );
  }
}

/** @returns undefined when it does not parse: then anything may follow it */
function windowsOf(data: Buffer, { sampleRate, channels }: AudioFormat): WindowInfo[] | undefined {
  try {
    return channelWindows(
      parseRawDataBlock(data, { objectType: 2, sampleRate, channels, frameLength: FRAME }),
    );
  } catch {
    return undefined;
  }
}
