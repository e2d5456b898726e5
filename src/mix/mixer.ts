import type { Logger } from '../base/logger.js';
import { InvalidOptionError } from '../base/errors.js';
import { H264Encoder } from '../libav/h264-encoder.js';
import type { VideoUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import type { PcmBlock } from '../media/pcm.js';
import { checkProgramSettings, type Layout, type ProgramSettings } from '../media/program-settings.js';
import { Compositor, type TileContent } from './compositor.js';
import { decibelsToGain, GainRamp } from './gain-ramp.js';
import { layoutTiles } from './layout.js';
import { Limiter } from './limiter.js';
import { MixInput } from './mix-input.js';

export interface RenderVideoOptions {
  readonly forceIdr: boolean;
  readonly who: 'host' | 'all';
  /** The host is gone: its last picture, dimmed, under this caption. */
  readonly slate?: { readonly caption: string };
}

interface Member {
  readonly id: string;
  readonly input: MixInput;
  readonly gain: GainRamp;
  settings: ParticipantSettings;
}

/** Gains and mutes move this long. */
const RAMP_SECONDS = 0.01;

/**
 * Mixes the participants of a room into one picture and one sound. One per room, and one per offline run. Times are
 * program times: video in 1/90000 s, audio in samples at the program's rate. The same input gives the same output.
 */
export class Mixer {
  readonly #settings: ProgramSettings;
  readonly #logger: Logger;
  readonly #members = new Map<string, Member>();
  /** Removed, but still fading out. */
  #leaving: Member[] = [];
  readonly #compositor: Compositor;
  readonly #encoder: H264Encoder;
  readonly #limiter: Limiter;
  /** One participant's samples on their way into the sum. */
  #read: readonly Float32Array[] = [];
  #layout: Layout;
  #closed = false;

  /**
   * @throws InvalidOptionError for settings out of range
   * @throws NativeError when the encoder does not open
   */
  static open(settings: ProgramSettings, deps: { readonly logger: Logger }): Mixer {
    return new Mixer(checkProgramSettings(settings), deps.logger);
  }

  private constructor(settings: ProgramSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#layout = settings.layout;
    this.#encoder = H264Encoder.open({
      width: settings.width,
      height: settings.height,
      fps: settings.fps,
      bitrateBps: settings.videoBitrateBps,
      preset: settings.x264Preset,
      keyframeIntervalMs: settings.keyframeIntervalMs,
    });
    this.#compositor = Compositor.open(settings);
    this.#limiter = new Limiter(settings.audioSampleRate);
  }

  /** @throws InvalidOptionError when the id is taken */
  addParticipant(id: string, settings: ParticipantSettings): MixInput {
    if (this.#members.has(id)) throw new InvalidOptionError(`participant ${id} is in the mix already`);
    const input = new MixInput({
      sampleRate: this.#settings.audioSampleRate,
      channels: this.#settings.audioChannels,
    });
    const rampSamples = Math.round(RAMP_SECONDS * this.#settings.audioSampleRate);
    this.#members.set(id, { id, input, settings, gain: new GainRamp(0, rampSamples) });
    this.#logger.debug({ id, role: settings.role }, 'participant added to the mix');
    return input;
  }

  updateParticipant(id: string, settings: ParticipantSettings): void {
    const member = this.#members.get(id);
    if (member !== undefined) member.settings = settings;
  }

  removeParticipant(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    this.#compositor.forget(id);
    if (member.gain.isSilent) {
      member.input.close();
      return;
    }
    member.gain.moveTo(0);
    this.#leaving.push(member);
  }

  /** Takes effect at the next picture. */
  setLayout(layout: Layout): void {
    this.#layout = layout;
  }

  setVideoBitrate(bitrateBps: number): void {
    this.#encoder.setBitrate(bitrateBps);
  }

  /**
   * Composes and encodes the picture of program time `pts`: of each participant the newest picture with pts <= that
   * time.
   *
   * @throws NativeError when the encoder fails, InternalError when time does not move forward
   */
  renderVideo(pts: number, options: RenderVideoOptions): VideoUnit {
    const canvas = this.#compositor.compose(this.#contents(pts, options));
    return this.#encoder.encode(canvas, pts, { forceIdr: options.forceIdr });
  }

  /**
   * Goes on to a program time without making anything of it: what is due is decoded and thrown away. For a mixer that
   * waits in the shadow of the relay, so that its first picture needs no burst of decoding.
   */
  advance(videoPts: number): void {
    for (const { input } of this.#members.values()) input.showPicture(videoPts);
  }

  /**
   * Sums the participants' PCM for [pts, pts + frames), limited to full scale. Absent audio is concealed for 10 ms,
   * then silence; it never holds up the others. Who is not heard is not read either, and not counted as concealed.
   */
  renderAudio(pts: number, frames: number, who: 'host' | 'all'): PcmBlock {
    const sum = Array.from({ length: this.#settings.audioChannels }, () => new Float32Array(frames));
    for (const member of this.#members.values()) {
      const { role, muted, onAir, gainDb } = member.settings;
      const heard = !muted && (role === 'host' || (who === 'all' && onAir));
      member.gain.moveTo(heard ? decibelsToGain(gainDb) : 0);
      this.#add(sum, member, pts, frames);
    }
    for (const member of this.#leaving) this.#add(sum, member, pts, frames);
    this.#leaving = this.#leaving.filter((member) => {
      if (member.gain.isSilent) member.input.close();
      return !member.gain.isSilent;
    });
    this.#limiter.apply(sum);
    return { sampleRate: this.#settings.audioSampleRate, pts, channels: sum };
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { input } of [...this.#members.values(), ...this.#leaving]) input.close();
    this.#members.clear();
    this.#leaving = [];
    this.#compositor.close();
    this.#encoder.close();
  }

  #add(sum: readonly Float32Array[], member: Member, pts: number, frames: number): void {
    if (member.gain.isSilent) {
      member.input.skipAudio(pts + frames);
      return;
    }
    if (this.#read[0]?.length !== frames) this.#read = sum.map(() => new Float32Array(frames));
    member.input.readAudio(pts, frames, this.#read);
    member.gain.apply(this.#read);
    sum.forEach((channel, i) => add(this.#read[i]!, channel));
  }

  /** The participants to be seen, host first, then guests as they joined. */
  #contents(pts: number, options: RenderVideoOptions): TileContent[] {
    const members = [...this.#members.values()];
    const hosts = members.filter(({ settings }) => settings.role === 'host');
    const guests = members.filter(({ settings }) => settings.role === 'guest' && settings.onAir);
    const seen = options.who === 'host' ? hosts.slice(0, 1) : [...hosts, ...guests];
    const pictures = new Map(members.map(({ id, input }) => [id, input.showPicture(pts)]));
    return layoutTiles(options.who === 'host' ? 'solo' : this.#layout, seen.length).map((tile, i) => {
      const { id, settings } = seen[i]!;
      return {
        id,
        name: settings.name,
        tile,
        picture: pictures.get(id),
        slateCaption: settings.role === 'host' ? options.slate?.caption : undefined,
        label: this.#settings.labels && options.who === 'all',
      };
    });
  }
}

function add(samples: Float32Array, sum: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += samples[i]!;
}
