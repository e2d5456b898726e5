import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { withWindows } from '../codec/aac/window.js';
import { EncoderRun, type BridgeEncoder, type EncodedFrame } from './encoder-run.js';
import { jointAtEnd, jointAtStart, type Joint } from './joint.js';
import { rebuildLeft, rebuildRight } from './rebuild.js';
import type { Techniques } from './techniques.js';

/** Frames of real sound that the encoder goes over before the bridge begins; they are dropped. */
const PRIMING_FRAMES = 6;
/** How far a bridge grows at either end in search of windows that fit, step by step. */
const SEARCH_FRAMES = [3, 8, 24] as const;
/** An encoder may answer rebuilt sound with other windows; after this many tries another seam frame is taken. */
const MAX_TRIES = 8;

/** Windows of a frame that is passed through, or would be. */
export type PassedWindows = (frame: number) => Promise<readonly WindowInfo[]>;

export interface BridgeOptions {
  readonly open: () => BridgeEncoder;
  readonly sampleRate: number;
  readonly sound: (frame: number) => Promise<readonly Float32Array[]>;
  readonly techniques: Techniques;
}

export interface BridgePlace {
  /** Frames that cannot be passed through. */
  readonly from: number;
  readonly to: number;
  /** What the bridge may grow to; frames before `earliest` and after `latest` stay as they are. */
  readonly earliest: number;
  readonly latest: number;
  /** Absent where nothing passed comes before, or after: the program's beginning and end. */
  readonly before?: PassedWindows | undefined;
  readonly after?: PassedWindows | undefined;
}

/** `exact`: windows fit by themselves; `none`: nothing to fit to; `mismatched`: only with reconstruction switched off. */
export type JointKind = Joint['kind'] | 'none' | 'mismatched';

export interface Bridge {
  /** The first frame of `frames`. */
  readonly from: number;
  readonly frames: readonly Buffer[];
  readonly start: JointKind;
  readonly end: JointKind;
}

interface Choice {
  readonly frame: number;
  readonly joint: Joint;
}

/**
 * Encodes the frames between two stretches that are passed through, so that both ends decode without a seam. Holds all
 * of the bridge in memory.
 *
 * @returns undefined when within `earliest` and `latest` nothing fits: let the bridge grow
 * @throws NativeError when the encoder fails
 */
export async function makeBridge(place: BridgePlace, options: BridgeOptions): Promise<Bridge | undefined> {
  if (!options.techniques.reconstruct) return bridgeAsItComes(place, options);
  for (const search of SEARCH_FRAMES) {
    // A cold encoder has nothing to say of earlier frames.
    const back = options.techniques.priming ? search : 0;
    const earliest = Math.max(place.earliest, place.from - back);
    const latest = Math.min(place.latest, place.to + search);
    const bridge = await fittingBridge({ ...place, earliest, latest }, options);
    if (bridge !== undefined) return bridge;
    if (earliest <= place.earliest && latest >= place.latest) return undefined;
  }
  return undefined;
}

async function fittingBridge(place: BridgePlace, options: BridgeOptions): Promise<Bridge | undefined> {
  const plain = pick(place, await encode(place, new Map(), options));
  const refused = { start: new Set<number>(), end: new Set<number>() };
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const start = await choose(place, 'start', plain, refused.start);
    const end = await choose(place, 'end', plain, refused.end);
    if (start === undefined && place.before !== undefined) return undefined;
    if (end === undefined && place.after !== undefined) return undefined;
    if (start?.joint.kind !== 'rebuilt' && end?.joint.kind !== 'rebuilt') {
      return assemble(place, plain, { start, end });
    }
    if (start !== undefined && start.frame === end?.frame) {
      // One block with both of its halves changed is one field for two wishes: let it be two blocks.
      refused.end.add(end.frame);
      continue;
    }
    const at = pick(place, await encode(place, await changedSound({ start, end }, options), options));
    const startNow = start && (await startAt(place, start.frame, at));
    const endNow = end && (await endAt(place, end.frame, at));
    const startHolds = sameJoint(start?.joint, startNow);
    const endHolds = sameJoint(end?.joint, endNow);
    if (startHolds && endHolds) {
      return assemble(place, at, {
        start: start && startNow && { frame: start.frame, joint: startNow },
        end: end && endNow && { frame: end.frame, joint: endNow },
      });
    }
    if (!startHolds && start !== undefined) refused.start.add(start.frame);
    if (!endHolds && end !== undefined) refused.end.add(end.frame);
  }
  return undefined;
}

async function choose(
  place: BridgePlace,
  end: 'start' | 'end',
  at: (index: number) => EncodedFrame,
  refused: ReadonlySet<number>,
): Promise<Choice | undefined> {
  if ((end === 'start' ? place.before : place.after) === undefined) return undefined;
  const candidates: number[] = [];
  if (end === 'start') for (let frame = place.from; frame >= place.earliest; frame--) candidates.push(frame);
  else for (let frame = place.to; frame <= place.latest; frame++) candidates.push(frame);
  let rebuilt: Choice | undefined;
  for (const frame of candidates) {
    if (refused.has(frame)) continue;
    const joint = end === 'start' ? await startAt(place, frame, at) : await endAt(place, frame, at);
    if (joint?.kind === 'exact') return { frame, joint };
    if (joint !== undefined) rebuilt ??= { frame, joint };
  }
  return rebuilt;
}

/** The joint of a bridge whose first frame is `frame`. */
async function startAt(
  place: BridgePlace,
  frame: number,
  at: (index: number) => EncodedFrame,
): Promise<Joint | undefined> {
  const passed = await place.before?.(frame - 1);
  return passed && jointAtStart(passed, at(frame - 1).windows, at(frame).windows);
}

/** The joint of a bridge whose last frame is `frame`. */
async function endAt(
  place: BridgePlace,
  frame: number,
  at: (index: number) => EncodedFrame,
): Promise<Joint | undefined> {
  const [replaced, next] = [await place.after?.(frame), await place.after?.(frame + 1)];
  return replaced && next && jointAtEnd(at(frame).windows, replaced, next);
}

/** Frames `earliest − 1` to `latest`. */
async function encode(
  place: BridgePlace,
  changed: ReadonlyMap<number, readonly Float32Array[]>,
  options: BridgeOptions,
): Promise<EncodedFrame[]> {
  const run = EncoderRun.open({
    open: options.open,
    sampleRate: options.sampleRate,
    sound: async (frame) => changed.get(frame) ?? options.sound(frame),
    // Unprimed, an encoder is fed what begins at the seam: half of its first block is silence.
    first: options.techniques.priming ? place.earliest - PRIMING_FRAMES : place.earliest + 1,
  });
  try {
    const frames = await firstFrames(run, place.earliest - 1);
    while (frames.length <= place.latest - place.earliest + 1) frames.push(await run.next());
    return frames;
  } finally {
    run.close();
  }
}

/** An unprimed encoder's first block may be the one after `wanted`: it stands in for it. */
async function firstFrames(run: EncoderRun, wanted: number): Promise<EncodedFrame[]> {
  let frame = await run.next();
  while (frame.index < wanted) frame = await run.next();
  return frame.index === wanted ? [frame] : [{ ...frame, index: wanted }, frame];
}

function pick(place: BridgePlace, frames: readonly EncodedFrame[]): (index: number) => EncodedFrame {
  return (index) => frames[index - (place.earliest - 1)]!;
}

async function changedSound(
  chosen: { readonly start: Choice | undefined; readonly end: Choice | undefined },
  options: BridgeOptions,
): Promise<Map<number, readonly Float32Array[]>> {
  const changed = new Map<number, readonly Float32Array[]>();
  if (chosen.start?.joint.kind === 'rebuilt') {
    const { frame, joint } = chosen.start;
    const sound = await options.sound(frame);
    changed.set(
      frame,
      sound.map((x, i) => rebuildLeft(x, joint.halves[i]!.used, joint.halves[i]!.wanted)),
    );
  }
  if (chosen.end?.joint.kind === 'rebuilt') {
    const { frame, joint } = chosen.end;
    const sound = await options.sound(frame + 1);
    changed.set(
      frame + 1,
      sound.map((x, i) => rebuildRight(x, joint.halves[i]!.used, joint.halves[i]!.wanted)),
    );
  }
  return changed;
}

function sameJoint(a: Joint | undefined, b: Joint | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.halves.every(({ used, wanted }, i) => used === b.halves[i]?.used && wanted === b.halves[i].wanted);
}

function assemble(
  place: BridgePlace,
  at: (index: number) => EncodedFrame,
  chosen: { readonly start: Choice | undefined; readonly end: Choice | undefined },
): Bridge {
  const from = chosen.start?.frame ?? place.from;
  const to = chosen.end?.frame ?? place.to;
  const frames: Buffer[] = [];
  for (let index = from; index <= to; index++) {
    let { data } = at(index);
    if (index === chosen.start?.frame) data = rewritten(data, at(index).windows, chosen.start.joint.windows);
    if (index === chosen.end?.frame) data = rewritten(data, at(index).windows, chosen.end.joint.windows);
    frames.push(data);
  }
  return {
    from,
    frames,
    start: chosen.start?.joint.kind ?? 'none',
    end: chosen.end?.joint.kind ?? 'none',
  };
}

function rewritten(data: Buffer, own: readonly WindowInfo[], wanted: readonly WindowInfo[]): Buffer {
  const changes = own.map(({ bitOffset }, channel) => {
    const { sequence, shape } = wanted[channel]!;
    return { bitOffset, sequence, shape };
  });
  return withWindows(data, changes);
}

/** Without reconstruction: the nearest frames, whatever their windows. */
async function bridgeAsItComes(place: BridgePlace, options: BridgeOptions): Promise<Bridge> {
  const narrow = { ...place, earliest: place.from, latest: place.to };
  const at = pick(narrow, await encode(narrow, new Map(), options));
  const kind = (joint: Joint | undefined, has: boolean): JointKind =>
    !has ? 'none' : joint?.kind === 'exact' ? 'exact' : 'mismatched';
  const bridge = assemble(narrow, at, { start: undefined, end: undefined });
  return {
    ...bridge,
    start: kind(await startAt(narrow, place.from, at), place.before !== undefined),
    end: kind(await endAt(narrow, place.to, at), place.after !== undefined),
  };
}
