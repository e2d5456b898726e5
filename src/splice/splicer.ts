import type { AscInfo } from '../codec/aac/asc.js';
import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { channelWindows, parseRawDataBlock } from '../codec/aac/raw-data-block.js';
import { PRIMING_FRAMES, type Bridge, type JointKind } from './bridge.js';
import { EncoderRun } from './encoder-run.js';
import type { BridgeEncoder, EncodedFrame } from './frame-encoder.js';
import { makeBridge, type BridgeOptions, type PlaceToBridge, type ReadWindows } from './make-bridge.js';
import { FRAME, type SplicePiece } from './piece.js';
import { planSplice, stretchedSamples, type SplicePlan } from './plan.js';
import { ProgramPcm } from './program-pcm.js';
import { quietestEncoder } from './quietest-encoder.js';
import { passedStretches, type PassedStretch } from './stretches.js';
import { allTechniques, type Techniques } from './techniques.js';

export interface SplicerOptions {
  readonly pieces: readonly SplicePiece[];
  readonly sampleRate: number;
  readonly channels: number;
  /** Of the units that are passed through; undefined when none are. */
  readonly config: AscInfo | undefined;
  /** A new encoder whose units decode with the program's configuration: for whatever cannot be passed through. */
  readonly openEncoder: () => BridgeEncoder;
  /**
   * The same for bridges and for what is stretched: whichever is quietest there makes a bridge, the first of them all that
   * is longer; `openEncoder` when left out.
   */
  readonly bridgeEncoders?: readonly [() => BridgeEncoder, ...(() => BridgeEncoder)[]] | undefined;
  readonly techniques?: Techniques | undefined;
  /**
   * The container cuts off what lies before time 0 and after the end (edit lists): the frames around the program's first
   * in point and last out point can then be passed through. Otherwise they hold nothing but what was asked for.
   */
  readonly trims: boolean;
}

/** A run of the program's frames; runs come in order and without gaps. */
export type SplicedRun =
  | {
      readonly kind: 'passed';
      /** The first frame, numbered on the program's grid. */
      readonly frame: number;
      readonly count: number;
      readonly piece: number;
      /** Index of the first unit in its piece's grid. */
      readonly unit: number;
    }
  | { readonly kind: 'bridged'; readonly frame: number; readonly data: readonly Buffer[] };

/** What was encoded anew between two passed stretches, or at the program's ends. */
export interface BridgeReport {
  readonly frame: number;
  readonly frames: number;
  readonly start: JointKind;
  readonly end: JointKind;
}

/** So short bridges are made by the encoder that is quietest there. */
const SHORT_FRAMES = 32;
/** Longer bridges are encoded as a stream; only their ends are held in memory. */
const LONG_FRAMES = 200;
/** Frames at the ends of a long bridge in which the stream is joined to what is made for the end. */
const END_FRAMES = 40;
const BATCH_FRAMES = 64;

interface Gap {
  readonly from: number;
  readonly to: number;
  /** The first frame not put out yet: a bridge cannot begin before. */
  readonly cursor: number;
  readonly before: PassedStretch | undefined;
  readonly after: PassedStretch | undefined;
}

/** Lays pieces of sound end to end on one grid of AAC frames: see {@link planSplice} and {@link makeBridge}. */
export class Splicer {
  readonly plan: SplicePlan;
  /** In order, complete once {@link runs} has ended. */
  readonly bridges: BridgeReport[] = [];
  /** The program's time 0 lies in it or in the one after it. */
  readonly firstFrame: number;
  readonly lastFrame: number;
  readonly #options: SplicerOptions;
  readonly #stretches: readonly PassedStretch[];
  readonly #pcm: ProgramPcm;
  readonly #bridging: BridgeOptions;

  constructor(options: SplicerOptions) {
    const techniques = options.techniques ?? allTechniques;
    this.#options = options;
    this.plan = planSplice(
      options.pieces.map(({ length, start, units }) => ({
        length,
        gridOffset: units === undefined ? undefined : units.origin - start,
      })),
      { rescale: techniques.rescale },
    );
    this.#stretches = passedStretches(this.plan, options.pieces, { trims: options.trims });
    const frameAt = (time: number): number => Math.floor((time - this.plan.gridPhase) / FRAME);
    const [first] = this.#stretches;
    this.firstFrame = first?.opens === true ? first.from : frameAt(0) - 1;
    const last = this.#stretches.at(-1);
    this.lastFrame = last?.closes === true ? last.to : frameAt(this.plan.length - 1);
    this.#pcm = new ProgramPcm(options.pieces, this.plan, {
      channels: options.channels,
      duplicate: techniques.duplicate,
    });
    this.#bridging = {
      open: options.bridgeEncoders?.[0] ?? options.openEncoder,
      sampleRate: options.sampleRate,
      sound: (frame) => this.#pcm.read(this.timeOf(frame), this.timeOf(frame + 1)),
      techniques,
    };
  }

  /** Program time at which a frame's sound begins, in samples. */
  timeOf(frame: number): number {
    return this.plan.gridPhase + frame * FRAME;
  }

  /** The program's sound as bridges are made from it, program time. */
  sound(from: number, to: number): Promise<Float32Array[]> {
    return this.#pcm.read(from, to);
  }

  /**
   * All frames from {@link firstFrame} to {@link lastFrame}.
   *
   * @throws what the pieces throw; NativeError when the encoder fails; MalformedMediaError for a damaged unit at a seam
   */
  async *runs(): AsyncGenerator<SplicedRun> {
    const stretches = [...this.#stretches];
    let before = stretches[0]?.opens === true ? stretches.shift() : undefined;
    let cursor = this.firstFrame;
    while (before?.closes !== true) {
      const after = stretches.shift();
      const from = before === undefined ? cursor : before.to + 1;
      const to = after === undefined ? this.lastFrame : after.from - 1;
      if (from <= to) {
        const bridge = this.#bridge({ from, to, cursor, before, after });
        const opened = await bridge.next();
        // Nothing fits before the stretch is over: it becomes part of the bridge.
        if (opened.done === true) continue;
        if (before !== undefined) yield passed(before, cursor, opened.value.frame - 1);
        yield opened.value;
        cursor = opened.value.frame + opened.value.data.length;
        for await (const run of bridge) {
          yield run;
          cursor = run.frame + run.data.length;
        }
      } else if (before !== undefined) yield passed(before, cursor, before.to);
      if (after === undefined) return;
      before = after;
    }
    yield passed(before, cursor, before.to);
  }

  /** @returns nothing at all when no seam frame fits and the gap can grow by taking in what follows it */
  async *#bridge(gap: Gap): AsyncGenerator<SplicedRun & { kind: 'bridged' }, void> {
    const { before, after } = gap;
    const limits = {
      earliest: before === undefined ? gap.from : Math.min(gap.from, gap.cursor + 2),
      latest: after === undefined ? gap.to : Math.max(gap.to, after.to - 2),
    };
    const windows = {
      before: before && this.#windowsOf(before),
      after: after && this.#windowsOf(after),
    };
    if (gap.to - gap.from < LONG_FRAMES) {
      const options = { mayGrow: after !== undefined, open: this.#encoderFor(gap) };
      const bridge = await this.#fitting({ ...gap, ...limits, ...windows }, options);
      if (bridge === undefined) return;
      yield this.#put(bridge);
      this.#report(bridge, bridge.from + bridge.frames.length - 1, bridge.end);
      return;
    }
    yield* this.#longBridge(gap, limits, windows);
  }

  /** Its two ends are bridges to and from a stream of frames by one encoder. */
  async *#longBridge(
    gap: Gap,
    limits: { readonly earliest: number; readonly latest: number },
    windows: { readonly before: ReadWindows | undefined; readonly after: ReadWindows | undefined },
  ): AsyncGenerator<SplicedRun & { kind: 'bridged' }, void> {
    const streamFrom = windows.before === undefined ? gap.from : gap.from + END_FRAMES / 4;
    const open = this.#encoderFor(gap);
    const stream = EncoderRun.open({ ...this.#bridging, open, first: streamFrom - PRIMING_FRAMES });
    try {
      const held = [await stream.frame(streamFrom - 1)];
      const hold = async (to: number): Promise<void> => {
        while ((held.at(-1)?.index ?? 0) < to) held.push(await stream.next());
      };
      const heldWindows = windowsIn(held);
      let start: Bridge | undefined;
      if (windows.before !== undefined) {
        await hold(streamFrom + END_FRAMES);
        const place = { from: gap.from, to: streamFrom + END_FRAMES / 4, earliest: limits.earliest };
        const latest = streamFrom + END_FRAMES - 2;
        start = await this.#fitting({ ...place, latest, before: windows.before, after: heldWindows });
        if (start === undefined) return;
        yield this.#put(start);
        drop(held, start.from + start.frames.length);
      } else drop(held, gap.from);
      const from = start?.from ?? gap.from;
      const streamTo = windows.after === undefined ? gap.to : gap.to - END_FRAMES;
      while ((held.at(-1)?.index ?? 0) < streamTo) {
        await hold(Math.min(streamTo, (held.at(-1)?.index ?? 0) + BATCH_FRAMES));
        // The last ones stay, as what the end may begin in.
        const ready = held.slice(0, Math.max(0, held.length - END_FRAMES));
        if (ready.length > 0) yield batch(ready);
        drop(held, (ready.at(-1)?.index ?? -Infinity) + 1);
      }
      let end: Bridge | undefined;
      if (windows.after !== undefined) {
        const first = held[0]?.index ?? streamTo;
        const place = { from: streamTo, to: gap.to, earliest: first + 2, latest: limits.latest };
        end = await this.#fitting({ ...place, before: heldWindows, after: windows.after });
      }
      const rest = held.filter(({ index }) => end === undefined || index < end.from);
      if (rest.length > 0) yield batch(rest);
      if (end !== undefined) yield this.#put(end);
      const to = end === undefined ? gap.to : end.from + end.frames.length - 1;
      this.#report({ from, start: start?.start ?? 'none' }, to, end?.end ?? 'none');
    } finally {
      stream.close();
    }
  }

  /** Long parts of pieces that cannot be passed through have no more bits than they are worth. */
  #encoderFor({ from, to, before, after }: Gap): () => BridgeEncoder {
    const isAtSeam = before !== undefined || after !== undefined;
    const [start, end] = [this.timeOf(from), this.timeOf(to + 1)];
    const isStretched = stretchedSamples(this.plan, start, end) > (end - start) / 2;
    const isBridge = isAtSeam && (isStretched || to - from < LONG_FRAMES);
    return isBridge ? this.#bridging.open : this.#options.openEncoder;
  }

  /** @param options.mayGrow give up rather than leave windows that do not fit */
  async #fitting(
    place: PlaceToBridge,
    { mayGrow = false, open = this.#bridging.open } = {},
  ): Promise<Bridge | undefined> {
    const { bridgeEncoders = [] } = this.#options;
    const isShort = place.to - place.from < SHORT_FRAMES && open === this.#bridging.open;
    const quietest = isShort ? await quietestEncoder(bridgeEncoders, place, this.#bridging) : undefined;
    const options = { ...this.#bridging, open: quietest ?? open };
    const bridge = await makeBridge(place, options);
    if (bridge !== undefined || mayGrow) return bridge;
    return makeBridge(place, { ...options, techniques: { ...options.techniques, reconstruct: false } });
  }

  #put(bridge: Bridge): SplicedRun & { kind: 'bridged' } {
    return { kind: 'bridged', frame: bridge.from, data: bridge.frames.map(({ data }) => data) };
  }

  #report(begun: { readonly from: number; readonly start: JointKind }, to: number, end: JointKind): void {
    this.bridges.push({ frame: begun.from, frames: to - begun.from + 1, start: begun.start, end });
  }

  #windowsOf(stretch: PassedStretch): ReadWindows {
    const units = this.#options.pieces[stretch.piece]?.units;
    const { config } = this.#options;
    return async (frame) => {
      if (units === undefined || config === undefined) return [];
      return channelWindows(parseRawDataBlock(await units.read(frame - stretch.unitShift), config));
    };
  }
}

function passed(stretch: PassedStretch, from: number, to: number): SplicedRun {
  const { piece, unitShift } = stretch;
  return { kind: 'passed', frame: from, count: to - from + 1, piece, unit: from - unitShift };
}

function batch(frames: readonly EncodedFrame[]): SplicedRun & { kind: 'bridged' } {
  return { kind: 'bridged', frame: frames[0]?.index ?? 0, data: frames.map(({ data }) => data) };
}

function drop(frames: EncodedFrame[], before: number): void {
  const kept = frames.findIndex(({ index }) => index >= before);
  frames.splice(0, kept === -1 ? frames.length : kept);
}

function windowsIn(frames: readonly EncodedFrame[]): ReadWindows {
  return (frame): Promise<readonly WindowInfo[]> =>
    Promise.resolve(frames.find(({ index }) => index === frame)?.windows ?? []);
}
