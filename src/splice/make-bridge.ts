import { InternalError } from '../base/errors.js';
import type { WindowInfo } from '../codec/aac/channel-stream.js';
import {
  bridgeAsItComes,
  fitBridge,
  PRIMING_FRAMES,
  type Bridge,
  type BridgeMaterial,
  type BridgePlace,
} from './bridge.js';
import type { BridgeEncoder } from './frame-encoder.js';
import type { Techniques } from './techniques.js';

/** How far a bridge grows at either end in search of windows that fit, step by step. */
const SEARCH_FRAMES = [3, 8, 24] as const;
/** No encoder's delay is longer. */
const LOOK_AHEAD_FRAMES = 4;

export type ReadWindows = (frame: number) => Promise<readonly WindowInfo[]>;

export interface BridgeOptions {
  readonly open: () => BridgeEncoder;
  readonly sampleRate: number;
  readonly sound: (frame: number) => Promise<readonly Float32Array[]>;
  readonly techniques: Techniques;
}

/** Where a bridge goes, and the windows of what it joins, to be read when they are needed. */
export interface PlaceToBridge extends BridgePlace {
  /** Absent where nothing passed comes before, or after: the program's beginning and end. */
  readonly before?: ReadWindows | undefined;
  readonly after?: ReadWindows | undefined;
}

/**
 * A bridge between two stretches of files: see {@link fitBridge}. Holds all of it in memory.
 *
 * @returns undefined when within `earliest` and `latest` nothing fits: let the bridge grow
 * @throws NativeError when the encoder fails
 */
export async function makeBridge(place: PlaceToBridge, options: BridgeOptions): Promise<Bridge | undefined> {
  const bridge = await searched(place, options);
  bridge?.encoder.close();
  return bridge;
}

async function searched(place: PlaceToBridge, options: BridgeOptions): Promise<Bridge | undefined> {
  const { from, to } = place;
  if (!options.techniques.reconstruct) {
    const narrow = { ...place, earliest: from, latest: to };
    return bridgeAsItComes(narrow, await gather(narrow, options));
  }
  for (const search of SEARCH_FRAMES) {
    // A cold encoder has nothing to say of earlier frames.
    const back = options.techniques.priming ? search : 0;
    const earliest = Math.max(place.earliest, from - back);
    const latest = Math.min(place.latest, to + search);
    const within = { ...place, earliest, latest };
    const bridge = fitBridge(within, await gather(within, options));
    if (bridge !== undefined) return bridge;
    if (earliest <= place.earliest && latest >= place.latest) return undefined;
  }
  return undefined;
}

async function gather(place: PlaceToBridge, options: BridgeOptions): Promise<BridgeMaterial> {
  const { earliest, latest, from, to } = place;
  const sound = await readAll(earliest - PRIMING_FRAMES, latest + LOOK_AHEAD_FRAMES, options.sound);
  const before = place.before && (await readAll(earliest - 1, from - 1, place.before));
  const after = place.after && (await readAll(to, latest + 1, place.after));
  return {
    open: options.open,
    sampleRate: options.sampleRate,
    sound: (frame) => {
      const samples = sound.get(frame);
      if (samples === undefined) throw new InternalError(`bridge: the sound of frame ${frame} was not read`);
      return samples;
    },
    before: before && ((frame): readonly WindowInfo[] | undefined => before.get(frame)),
    after: after && ((frame): readonly WindowInfo[] | undefined => after.get(frame)),
    priming: options.techniques.priming,
  };
}

async function readAll<T>(
  from: number,
  to: number,
  read: (frame: number) => Promise<T>,
): Promise<Map<number, T>> {
  const all = new Map<number, T>();
  for (let frame = from; frame <= to; frame++) all.set(frame, await read(frame));
  return all;
}
