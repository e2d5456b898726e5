import type { AudioUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import type { ProgramSource } from '../media/program-settings.js';
import type { ProgramAacEncoder, ProgramOpusEncoder, Who } from './ports.js';
import type { ProgramTimeline } from './timeline.js';

const AAC_FRAME = 1024;
/** Frames encoded in one go, so that a long hole is caught up without holding up the pictures. */
const MAX_FRAMES_AT_ONCE = 24;

export interface AudioPumpOptions {
  readonly sampleRate: number;
  readonly channels: number;
  readonly timeline: ProgramTimeline;
  readonly openEncoder: () => ProgramAacEncoder;
  /** The sound of [pts, pts + frames); `undefined` when there is none to be had, which becomes silence. */
  readonly render: (pts: number, frames: number, who: Who) => PcmBlock | undefined;
  readonly onOpus: (unit: AudioUnit) => void;
}

/**
 * The program's sound: PCM of the mixer in blocks of one AAC frame through one encoder that lives as long as the
 * program. Whatever happens to the sources, the next block follows on the last one; what is not there is silence.
 */
export class AudioPump {
  readonly #options: AudioPumpOptions;
  /** Time of the next sample to be rendered, at the program rate. */
  #position: number | undefined;
  #encoder: ProgramAacEncoder | undefined;
  #who: Who = 'host';
  #change: { readonly from: number; readonly who: Who } | undefined;
  #opus: ProgramOpusEncoder | undefined;

  constructor(options: AudioPumpOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#position !== undefined;
  }

  /** Time of the next sample to be rendered, in samples at the program rate. */
  get position(): number {
    return this.#position ?? 0;
  }

  /**
   * The first unit put out will be at the grid position at or before `pts`, but never before the timeline's next one.
   */
  start(pts: number): void {
    const { timeline, openEncoder } = this.#options;
    this.#encoder = openEncoder();
    // Priming comes out first, `delaySamples` before the first sample that goes in.
    const { delaySamples } = this.#encoder;
    timeline.startAudio(Math.floor((pts - delaySamples) / AAC_FRAME) * AAC_FRAME);
    this.#position = (timeline.nextAudioPts ?? 0) + delaySamples;
  }

  /** The program is over; {@link start} begins another. */
  stop(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
    this.#position = undefined;
  }

  /** From program time `from` on (samples) the sound is that of `who`. */
  setWho(who: Who, from: number): void {
    this.#change = { who, from };
  }

  setOpus(encoder: ProgramOpusEncoder | undefined): void {
    this.#opus?.close();
    this.#opus = encoder;
  }

  /**
   * Renders and encodes whole frames up to `limit` (samples).
   *
   * @returns whether it stopped short of `limit` and should be called again soon
   */
  pumpTo(limit: number, source: ProgramSource): boolean {
    for (let frames = 0; this.#position !== undefined && this.#position + AAC_FRAME <= limit; frames++) {
      if (frames === MAX_FRAMES_AT_ONCE) return true;
      const pcm = this.#render(this.#position);
      this.#position += AAC_FRAME;
      for (const unit of this.#encoder?.encode(pcm) ?? []) this.#options.timeline.audio(unit, source);
      for (const unit of this.#opus?.encode(pcm) ?? []) this.#options.onOpus(unit);
    }
    return false;
  }

  close(): void {
    this.#opus?.close();
    this.stop();
  }

  #render(pts: number): PcmBlock {
    if (this.#change !== undefined && pts >= this.#change.from) {
      this.#who = this.#change.who;
      this.#change = undefined;
    }
    const { sampleRate, channels, render } = this.#options;
    return (
      render(pts, AAC_FRAME, this.#who) ?? {
        sampleRate,
        pts,
        channels: Array.from({ length: channels }, () => new Float32Array(AAC_FRAME)),
      }
    );
  }
}
