import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { withWindows } from '../codec/aac/window.js';
import { FrameEncoder, type BridgeEncoder, type EncodedFrame } from './frame-encoder.js';
import { jointAtEnd, jointAtStart, type Joint } from './joint.js';
import { rebuildLeft, rebuildRight } from './rebuild.js';

/** Frames of real sound that the encoder goes over before the bridge begins; they are dropped. */
export const PRIMING_FRAMES = 6;
/** An encoder may answer rebuilt sound with other windows; after this many tries another seam frame is taken. */
const MAX_TRIES = 8;

/** Windows of a frame that is passed through, or would be; undefined where there is none. */
export type PassedWindows = (frame: number) => readonly WindowInfo[] | undefined;

export interface BridgePlace {
  /** Frames that cannot be passed through. */
  readonly from: number;
  readonly to: number;
  /** What the bridge may grow to; frames before `earliest` and after `latest` stay as they are. */
  readonly earliest: number;
  readonly latest: number;
}

/** What a bridge is made from. */
export interface BridgeMaterial {
  readonly open: () => BridgeEncoder;
  readonly sampleRate: number;
  /** From {@link PRIMING_FRAMES} before `earliest` up to the encoder's delay after `latest`. */
  readonly sound: (frame: number) => readonly Float32Array[];
  /** Of what comes before the bridge, `earliest − 1` to `from − 1`. Absent where nothing passed does. */
  readonly before?: PassedWindows | undefined;
  /** Of what comes after, `to` to `latest + 1`: the frames that the bridge may replace, and the one after those. */
  readonly after?: PassedWindows | undefined;
  /** Feed the encoder the sound before the bridge first. */
  readonly priming: boolean;
}

/** `exact`: windows fit by themselves; `none`: nothing to fit to; `mismatched`: they do not fit. */
export type JointKind = Joint['kind'] | 'none' | 'mismatched';

export interface Bridge {
  /** The first frame of `frames`. */
  readonly from: number;
  readonly frames: readonly EncodedFrame[];
  readonly start: JointKind;
  readonly end: JointKind;
  /** What made it, fed up to the last frame it needed: to go on with, or to be closed. */
  readonly encoder: FrameEncoder;
}

interface Choice {
  readonly frame: number;
  readonly joint: Joint;
}

interface Chosen {
  readonly start: Choice | undefined;
  readonly end: Choice | undefined;
}

/** Frames `earliest − 1` to `latest`, and their encoder. */
interface Encoded {
  readonly encoder: FrameEncoder;
  at(index: number): EncodedFrame;
}

/**
 * Encodes the frames between two stretches that are passed through, so that both ends decode without a seam: seam frames
 * are chosen by their windows, and where none fits the overlap is rebuilt.
 *
 * @returns undefined when within `earliest` and `latest` nothing fits
 * @throws NativeError when the encoder fails
 */
export function fitBridge(place: BridgePlace, material: BridgeMaterial): Bridge | undefined {
  const plain = encode(place, new Map(), material);
  const bridge = fitTo(plain, place, material);
  if (bridge?.encoder !== plain.encoder) plain.encoder.close();
  return bridge;
}

function fitTo(plain: Encoded, place: BridgePlace, material: BridgeMaterial): Bridge | undefined {
  const refused = { start: new Set<number>(), end: new Set<number>() };
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const start = choose('start', plain, { place, material, refused: refused.start });
    const end = choose('end', plain, { place, material, refused: refused.end });
    if (start === undefined && material.before !== undefined) return undefined;
    if (end === undefined && material.after !== undefined) return undefined;
    if (start?.joint.kind !== 'rebuilt' && end?.joint.kind !== 'rebuilt') {
      return assemble(place, plain, { start, end });
    }
    if (start !== undefined && start.frame === end?.frame) {
      // One block with both of its halves changed is one field for two wishes: let it be two blocks.
      refused.end.add(end.frame);
      continue;
    }
    const changed = encode(place, changedSound({ start, end }, material), material);
    const startNow = start && startAt(start.frame, changed, material);
    const endNow = end && endAt(end.frame, changed, material);
    const startHolds = sameJoint(start?.joint, startNow);
    const endHolds = sameJoint(end?.joint, endNow);
    if (startHolds && endHolds) {
      return assemble(place, changed, {
        start: start && startNow && { frame: start.frame, joint: startNow },
        end: end && endNow && { frame: end.frame, joint: endNow },
      });
    }
    changed.encoder.close();
    if (!startHolds && start !== undefined) refused.start.add(start.frame);
    if (!endHolds && end !== undefined) refused.end.add(end.frame);
  }
  return undefined;
}

/** Without reconstruction: the nearest frames, whatever their windows. */
export function bridgeAsItComes(place: BridgePlace, material: BridgeMaterial): Bridge {
  const narrow = { ...place, earliest: place.from, latest: place.to };
  const encoded = encode(narrow, new Map(), material);
  const kind = (joint: Joint | undefined, has: boolean): JointKind =>
    !has ? 'none' : joint?.kind === 'exact' ? 'exact' : 'mismatched';
  return {
    ...assemble(narrow, encoded, { start: undefined, end: undefined }),
    start: kind(startAt(place.from, encoded, material), material.before !== undefined),
    end: kind(endAt(place.to, encoded, material), material.after !== undefined),
  };
}

function choose(
  end: 'start' | 'end',
  encoded: Encoded,
  search: {
    readonly place: BridgePlace;
    readonly material: BridgeMaterial;
    readonly refused: ReadonlySet<number>;
  },
): Choice | undefined {
  const { place, material, refused } = search;
  if ((end === 'start' ? material.before : material.after) === undefined) return undefined;
  const candidates: number[] = [];
  if (end === 'start') for (let frame = place.from; frame >= place.earliest; frame--) candidates.push(frame);
  else for (let frame = place.to; frame <= place.latest; frame++) candidates.push(frame);
  let rebuilt: Choice | undefined;
  for (const frame of candidates) {
    if (refused.has(frame)) continue;
    const joint = end === 'start' ? startAt(frame, encoded, material) : endAt(frame, encoded, material);
    if (joint?.kind === 'exact') return { frame, joint };
    if (joint !== undefined) rebuilt ??= { frame, joint };
  }
  return rebuilt;
}

/** The joint of a bridge whose first frame is `frame`. */
function startAt(frame: number, encoded: Encoded, { before }: BridgeMaterial): Joint | undefined {
  const passed = before?.(frame - 1);
  return passed && jointAtStart(passed, encoded.at(frame - 1).windows, encoded.at(frame).windows);
}

/** The joint of a bridge whose last frame is `frame`. */
function endAt(frame: number, encoded: Encoded, { after }: BridgeMaterial): Joint | undefined {
  const [replaced, next] = [after?.(frame), after?.(frame + 1)];
  return replaced && next && jointAtEnd(encoded.at(frame).windows, replaced, next);
}

function encode(
  place: BridgePlace,
  changed: ReadonlyMap<number, readonly Float32Array[]>,
  material: BridgeMaterial,
): Encoded {
  const wanted = place.earliest - 1;
  const encoder = FrameEncoder.open({
    ...material,
    // Unprimed, an encoder is fed what begins at the seam: half of its first block is silence.
    first: material.priming ? place.earliest - PRIMING_FRAMES : place.earliest + 1,
  });
  const frames: EncodedFrame[] = [];
  try {
    while ((frames.at(-1)?.index ?? -Infinity) < place.latest) {
      const { next } = encoder;
      frames.push(...encoder.feed(changed.get(next) ?? material.sound(next)));
    }
  } catch (error) {
    encoder.close();
    throw error;
  }
  // An unprimed encoder's first block may be the one after `wanted`: it stands in for it.
  const first = frames[0]!.index;
  return { encoder, at: (index) => frames[Math.max(index, wanted, first) - first]! };
}

function changedSound(chosen: Chosen, { sound }: BridgeMaterial): Map<number, readonly Float32Array[]> {
  const changed = new Map<number, readonly Float32Array[]>();
  if (chosen.start?.joint.kind === 'rebuilt') {
    const { frame, joint } = chosen.start;
    changed.set(
      frame,
      sound(frame).map((x, i) => rebuildLeft(x, joint.halves[i]!.used, joint.halves[i]!.wanted)),
    );
  }
  if (chosen.end?.joint.kind === 'rebuilt') {
    const { frame, joint } = chosen.end;
    changed.set(
      frame + 1,
      sound(frame + 1).map((x, i) => rebuildRight(x, joint.halves[i]!.used, joint.halves[i]!.wanted)),
    );
  }
  return changed;
}

function sameJoint(a: Joint | undefined, b: Joint | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.halves.every(({ used, wanted }, i) => used === b.halves[i]?.used && wanted === b.halves[i].wanted);
}

function assemble(place: BridgePlace, encoded: Encoded, { start, end }: Chosen): Bridge {
  const from = start?.frame ?? place.from;
  const to = end?.frame ?? place.to;
  const frames: EncodedFrame[] = [];
  for (let index = from; index <= to; index++) {
    let frame = encoded.at(index);
    if (index === start?.frame) frame = rewritten(frame, start.joint);
    if (index === end?.frame) frame = rewritten(frame, end.joint);
    frames.push(frame);
  }
  const { encoder } = encoded;
  return { from, frames, start: start?.joint.kind ?? 'none', end: end?.joint.kind ?? 'none', encoder };
}

/** The frame with its window fields as the joint wants them. */
export function rewritten(frame: EncodedFrame, { windows }: Joint): EncodedFrame {
  const changes = frame.windows.map(({ bitOffset }, channel) => {
    const { sequence, shape } = windows[channel]!;
    return { bitOffset, sequence, shape };
  });
  return frame.with(withWindows(frame.data, changes));
}
