import type { WindowInfo } from '../codec/aac/channel-stream.js';
import type { AacConfig, AacUnit } from '../media/access-unit.js';
import {
  bridgeAsItComes,
  fitBridge,
  rewritten,
  type Bridge,
  type BridgeMaterial,
  type JointKind,
} from './bridge.js';
import { FrameEncoder, type BridgeEncoder, type EncodedFrame } from './frame-encoder.js';
import { jointAtEnd, jointAtStart } from './joint.js';
import { LiveSound, type LiveFrame } from './live-sound.js';
import { SeamWatch, type LiveSeam } from './live-seam.js';
import { FRAME } from './piece.js';

export interface LiveSplicerOptions {
  readonly sampleRate: number;
  readonly channels: number;
  /** A new encoder whose units decode with the program's configuration, as do those that are passed through. */
  readonly open: () => BridgeEncoder;
  /** Windows of the unit that a former splicer put out last; the first one must fit to it. */
  readonly before?: readonly WindowInfo[] | undefined;
  /** Told some frames later. */
  readonly onSeam?: ((seam: LiveSeam) => void) | undefined;
}

export interface LiveUnit {
  readonly unit: AacUnit;
  /** The source's own bytes. */
  readonly isPassed: boolean;
}

/**
 * Frames of the source that wait, while they are passed through, for what comes after them: when that cannot be passed,
 * the joint may lie at any of them.
 */
const HELD_FRAMES = 3;
/** After so many frames whose windows do not fit by themselves, the way back to the source is made by a bridge. */
const PATIENCE_FRAMES = 6;
/** That bridge's place, from the first frame that is held back for it. */
const WAY_BACK = { earliest: 1, from: 2, to: 3, latest: 5 } as const;
/** When it did not fit either, it is tried again after so many frames. */
const REST_FRAMES = 40;

type Phase =
  | { readonly name: 'passing'; readonly since: number }
  | {
      readonly name: 'encoding';
      readonly encoder: FrameEncoder;
      /** Encoded and not put out yet. */
      readonly ready: EncodedFrame[];
      /** Frames at which the source could have been passed on, but for its windows. */
      misfits: number;
    };

/**
 * The sound of a live program as one stream of AAC: the units of a source are passed through where it is alone, and
 * everything else is encoded by an encoder that has gone over the sound before it. Where the two meet, windows fit and
 * both sides were made from the same sound, so nothing is heard of it. It begins with an encoder.
 */
export class LiveSplicer {
  readonly #options: LiveSplicerOptions;
  readonly #sound: LiveSound;
  readonly #seams: SeamWatch;
  #phase: Phase;
  #config: AacConfig | undefined;
  /** The next frame to be put out. */
  #next: number;
  #before: readonly WindowInfo[] | undefined;

  /** @throws NativeError when the encoder does not open */
  constructor(options: LiveSplicerOptions) {
    this.#options = options;
    this.#sound = new LiveSound(options.channels);
    this.#before = options.before;
    const encoder = this.#openEncoder(0);
    this.#phase = { name: 'encoding', encoder, ready: [], misfits: 0 };
    this.#next = -encoder.delayFrames;
    this.#delayFrames = encoder.delayFrames;
    this.#seams = new SeamWatch({
      sound: this.#sound,
      delayFrames: encoder.delayFrames,
      open: options.open,
      onSeam: options.onSeam,
    });
  }

  readonly #delayFrames: number;

  /** Frames by which the first one put out is before the first one pushed: the encoder's delay. */
  get leadFrames(): number {
    return this.#delayFrames;
  }

  get isPassing(): boolean {
    return this.#phase.name === 'passing';
  }

  /**
   * The next frame of the program.
   *
   * @returns what became ready; each follows on the one before it
   * @throws NativeError when the encoder fails
   */
  push(frame: LiveFrame): LiveUnit[] {
    this.#sound.push(frame);
    const out: LiveUnit[] = [];
    for (let phase: Phase | undefined; phase !== this.#phase;) {
      phase = this.#phase;
      if (phase.name === 'encoding') this.#encode(phase, out);
      else this.#pass(phase, out);
    }
    this.#seams.look(this.#next, this.#config);
    return out;
  }

  /** Idempotent. */
  close(): void {
    if (this.#phase.name === 'encoding') this.#phase.encoder.close();
  }

  #encode(phase: Phase & { name: 'encoding' }, out: LiveUnit[]): void {
    const { encoder, ready } = phase;
    while (encoder.next < this.#sound.end) ready.push(...encoder.feed(this.#sound.sound(encoder.next)));
    for (let frame = ready[0]; frame !== undefined; frame = ready[0]) {
      // The two frames after it tell whether it can be the last one.
      if (frame.index + 2 >= this.#sound.end) return;
      const fits = this.#fitsSource(frame);
      if (fits === false && phase.misfits >= PATIENCE_FRAMES) {
        if (!this.#wayBackIsOpen(frame.index)) phase.misfits = 0;
        else if (this.#sound.end <= frame.index + WAY_BACK.latest + Math.max(2, this.#delayFrames)) return;
        else if (this.#goBack(phase, frame.index, out)) return;
        else phase.misfits = -REST_FRAMES;
      }
      ready.shift();
      this.#putEncoded(frame, out);
      if (fits === true) {
        this.#beginPassing('exact');
        return;
      }
      phase.misfits = fits === false ? phase.misfits + 1 : Math.min(phase.misfits, 0);
    }
  }

  /** Whether the source can follow right after `frame`; undefined when it is not there to follow. */
  #fitsSource(frame: EncodedFrame): boolean | undefined {
    const next = this.#sound.own(frame.index + 1);
    if (next === undefined || this.#sound.own(frame.index + 2) === undefined) return undefined;
    return jointAtEnd(frame.windows, next.windowsBefore, next.windows)?.kind === 'exact';
  }

  /** Whether, as far as is known, the source is there for all of a bridge that begins after frame `held`. */
  #wayBackIsOpen(held: number): boolean {
    const last = Math.min(held + WAY_BACK.latest + 2, this.#sound.end - 1);
    for (let index = held + WAY_BACK.earliest; index <= last; index++) {
      if (this.#sound.own(index) === undefined) return false;
    }
    return true;
  }

  /** A bridge from the encoder's frames to the source's. @returns whether one fits */
  #goBack(phase: Phase & { name: 'encoding' }, held: number, out: LiveUnit[]): boolean {
    const { encoder, ready } = phase;
    const at = (index: number): EncodedFrame | undefined => ready.find((frame) => frame.index === index);
    const place = {
      earliest: held + WAY_BACK.earliest,
      from: held + WAY_BACK.from,
      to: held + WAY_BACK.to,
      latest: held + WAY_BACK.latest,
    };
    const bridge = fitBridge(place, {
      ...this.#material(),
      before: (index) => at(index)?.windows,
      after: (index) => this.#sound.own(index)?.windows,
    });
    if (bridge === undefined) return false;
    bridge.encoder.close();
    encoder.close();
    for (const frame of ready) if (frame.index < bridge.from) this.#putEncoded(frame, out);
    for (const frame of bridge.frames) this.#putEncoded(frame, out);
    this.#beginPassing(bridge.end);
    return true;
  }

  #beginPassing(joint: JointKind): void {
    if (this.#phase.name === 'encoding') this.#phase.encoder.close();
    this.#phase = { name: 'passing', since: this.#next };
    const bridgedFrames = this.#next - this.#sound.aloneSince(this.#next);
    this.#seams.add({ to: 'source', first: this.#next, joint, bridgedFrames });
  }

  #pass(phase: Phase & { name: 'passing' }, out: LiveUnit[]): void {
    for (;;) {
      const { end } = this.#sound;
      const lost = this.#firstNotOwn();
      if (lost !== undefined) {
        if (end > lost - 1 + this.#delayFrames) this.#leave(phase, lost, out);
        return;
      }
      if (end <= this.#next + 1 + HELD_FRAMES) return;
      this.#putPassed(out);
    }
  }

  #firstNotOwn(): number | undefined {
    for (let index = this.#next; index < this.#sound.end; index++) {
      if (this.#sound.own(index) === undefined) return index;
    }
    return undefined;
  }

  /** From the source to an encoder, whose first frame is one before `lost` at the latest. */
  #leave(phase: Phase & { name: 'passing' }, lost: number, out: LiveUnit[]): void {
    const from = lost - 1;
    const to = this.#sound.end - 1 - this.#delayFrames;
    // Right after a joint there is nothing of the source's to join to yet.
    const earliest = Math.min(from, Math.max(this.#next, phase.since + 1, from - HELD_FRAMES));
    const place = { from, to, earliest, latest: to };
    const material = { ...this.#material(), before: (index: number) => this.#sound.own(index)?.windows };
    const bridge: Bridge = fitBridge(place, material) ?? bridgeAsItComes(place, material);
    while (this.#next < bridge.from) this.#putPassed(out);
    const { encoder, frames, start } = bridge;
    this.#phase = { name: 'encoding', encoder, ready: [...frames], misfits: 0 };
    this.#seams.add({ to: 'encoder', first: bridge.from, joint: start, bridgedFrames: lost - bridge.from });
  }

  #putPassed(out: LiveUnit[]): void {
    const source = this.#sound.own(this.#next);
    if (source === undefined || this.#config === undefined) return;
    this.#put(source.data, this.#config, { out, isPassed: true });
  }

  #putEncoded(frame: EncodedFrame, out: LiveUnit[]): void {
    let fitting = frame;
    if (this.#before !== undefined) {
      const joint = jointAtStart(this.#before, this.#before, frame.windows);
      if (joint !== undefined) fitting = rewritten(frame, joint);
      this.#before = undefined;
    }
    this.#config = frame.unit.config;
    this.#put(fitting.data, frame.unit.config, { out, isPassed: false });
  }

  #put(
    data: Buffer,
    config: AacConfig,
    { out, isPassed }: { readonly out: LiveUnit[]; readonly isPassed: boolean },
  ): void {
    const index = this.#next++;
    const unit: AacUnit = { kind: 'audio', config, pts: index * FRAME, durationSamples: FRAME, data };
    this.#seams.note(index, data);
    out.push({ unit, isPassed });
  }

  #material(): BridgeMaterial {
    const { open, sampleRate } = this.#options;
    return { open, sampleRate, sound: (index) => this.#sound.sound(index), priming: true };
  }

  #openEncoder(first: number): FrameEncoder {
    const { open, sampleRate } = this.#options;
    return FrameEncoder.open({ open, sampleRate, first });
  }
}
