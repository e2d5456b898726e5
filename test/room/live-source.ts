import { systemClock } from '../../src/base/clock.js';
import { H264Encoder } from '../../src/libav/h264-encoder.js';
import { OpusEncoder } from '../../src/libav/opus-encoder.js';
import { Surface } from '../../src/libav/surface.js';
import type { AccessUnit } from '../../src/media/access-unit.js';
import {
  audioRate,
  beepAndFlashDefaults,
  lumaOf,
  soundOf,
  type BeepAndFlash,
} from '../peers/beep-and-flash.js';

export interface LiveSourceOptions {
  readonly clip?: Partial<BeepAndFlash>;
  readonly video?: boolean;
  readonly audio?: boolean;
  /** Where its media timeline begins, in µs. */
  readonly mediaUs?: number;
  /** Delay of the network in µs. */
  readonly delayUs?: number;
  readonly keyframeIntervalMs?: number;
  /** Called with every unit at the time it arrives. */
  readonly onUnit: (unit: AccessUnit, arrivalUs: number) => void;
}

const OPUS_SAMPLES = 960;
const TICK_MS = 4;

/**
 * A publisher as a browser is one: encodes beep-and-flash pictures and Opus as they happen, in real time, and answers
 * a request for an IDR with its next picture.
 */
export class LiveSource {
  readonly #options: LiveSourceOptions;
  readonly #clip: BeepAndFlash;
  readonly #encoder: H264Encoder;
  readonly #opus = OpusEncoder.open({ channels: 2, bitrateBps: 64_000 });
  readonly #surface: Surface;
  readonly #period: Float32Array;
  readonly #startUs = systemClock.nowUs();
  readonly #mediaUs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #onTheWay: { readonly unit: AccessUnit; readonly atUs: number }[] = [];
  #pictures = 0;
  #frames = 0;
  #idrWanted = true;

  constructor(options: LiveSourceOptions) {
    this.#options = options;
    this.#clip = { ...beepAndFlashDefaults, width: 320, height: 180, seconds: 1, ...options.clip };
    const { width, height, fps } = this.#clip;
    this.#encoder = H264Encoder.open({
      width,
      height,
      fps,
      bitrateBps: 800_000,
      preset: 'ultrafast',
      keyframeIntervalMs: options.keyframeIntervalMs ?? 10_000,
      profile: 'baseline',
    });
    this.#surface = Surface.alloc(width, height);
    this.#period = soundOf(this.#clip);
    this.#mediaUs = options.mediaUs ?? 0;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  requestKeyframe(): void {
    this.#idrWanted = true;
  }

  /** It falls silent without a word. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#encoder.close();
    this.#opus.close();
    this.#surface.free();
  }

  #tick(): void {
    const nowUs = systemClock.nowUs();
    const ownUs = nowUs - this.#startUs;
    while ((this.#pictures / this.#clip.fps) * 1e6 <= ownUs) this.#picture(nowUs);
    while (((this.#frames + 1) * OPUS_SAMPLES * 1e6) / audioRate <= ownUs) this.#sound(nowUs);
    while (this.#onTheWay[0] !== undefined && this.#onTheWay[0].atUs <= nowUs) {
      this.#options.onUnit(this.#onTheWay.shift()!.unit, nowUs);
    }
  }

  #picture(nowUs: number): void {
    const index = this.#pictures++;
    if (this.#options.video === false) return;
    const { width, height, fps } = this.#clip;
    const luma = lumaOf(this.#clip, index);
    const [plane] = this.#surface.planes;
    const [stride] = this.#surface.strides;
    for (let y = 0; y < height; y++) luma.copy(plane, y * stride, y * width, (y + 1) * width);
    const pts = Math.round((this.#mediaUs * 9) / 100) + Math.round((index * 90_000) / fps);
    const unit = this.#encoder.encode(this.#surface, pts, { forceIdr: this.#idrWanted });
    this.#idrWanted = false;
    this.#send(unit, nowUs);
  }

  #sound(nowUs: number): void {
    const from = this.#frames++ * OPUS_SAMPLES;
    if (this.#options.audio === false) return;
    const samples = Float32Array.from({ length: OPUS_SAMPLES }, (_, n) => {
      return this.#period[(from + n) % this.#period.length] ?? 0;
    });
    const pts = from + Math.round((this.#mediaUs * 48) / 1_000);
    const pcm = { sampleRate: audioRate, pts, channels: [samples, samples] };
    for (const unit of this.#opus.encode(pcm)) this.#send(unit, nowUs);
  }

  #send(unit: AccessUnit, nowUs: number): void {
    this.#onTheWay.push({ unit, atUs: nowUs + (this.#options.delayUs ?? 5_000) });
  }
}
