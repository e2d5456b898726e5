import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { WindowSequence } from '../codec/aac/channel-stream.js';
import { leftSlope, longSequence, rightSlope, risingHalf } from '../codec/aac/window.js';
import { FRAME } from './piece.js';

/** What must be done so that one block may follow another of a different encoder. */
export interface Joint {
  /** `exact`: their windows fit. `rebuilt`: fields of the bridge's block change, and the sound it is fed. */
  readonly kind: 'exact' | 'rebuilt';
  /** Of the bridge's block, channel by channel, as it is to be written. */
  readonly windows: readonly WindowInfo[];
  /** Rising halves, channel by channel: what the encoder used, and what the decoder will. */
  readonly halves: readonly { readonly used: Float64Array; readonly wanted: Float64Array }[];
}

/**
 * The bridge's first block after a passed one. The decoder opens a block with the window shape of the block before it.
 *
 * @param passed the source's last block
 * @param dropped the bridge encoder's own block in its place
 * @param first the bridge's first block
 * @returns undefined when they cannot be made to fit
 */
export function jointAtStart(
  passed: readonly WindowInfo[],
  dropped: readonly WindowInfo[],
  first: readonly WindowInfo[],
): Joint | undefined {
  return join(first, (window, channel) => {
    const before = passed[channel];
    const own = dropped[channel];
    if (before === undefined || own === undefined) return undefined;
    const slope = rightSlope(before.sequence);
    const sequence = reslope(window.sequence, slope, rightSlope(window.sequence));
    if (sequence === undefined) return undefined;
    return {
      window: { ...window, sequence },
      used: risingHalf(leftSlope(window.sequence), own.shape, FRAME),
      wanted: risingHalf(slope, before.shape, FRAME),
    };
  });
}

/**
 * The bridge's last block before a passed one. The passed block was analysed with the shape of its own predecessor, so
 * the bridge's last block has to have that shape.
 *
 * @param last the bridge's last block
 * @param replaced the source's own block in its place
 * @param next the source's first passed block
 */
export function jointAtEnd(
  last: readonly WindowInfo[],
  replaced: readonly WindowInfo[],
  next: readonly WindowInfo[],
): Joint | undefined {
  return join(last, (window, channel) => {
    const own = replaced[channel];
    const after = next[channel];
    if (own === undefined || after === undefined) return undefined;
    const slope = leftSlope(after.sequence);
    const sequence = reslope(window.sequence, leftSlope(window.sequence), slope);
    // The shape of short windows is that of their inner overlaps too.
    const fixed = window.sequence === WindowSequence.eightShort && window.shape !== own.shape;
    if (sequence === undefined || fixed) return undefined;
    return {
      window: { ...window, sequence, shape: own.shape },
      used: risingHalf(rightSlope(window.sequence), window.shape, FRAME),
      wanted: risingHalf(slope, own.shape, FRAME),
    };
  });
}

/** Blocks of one long transform can take each other's slopes; blocks of short windows only keep their own. */
function reslope(
  sequence: WindowSequence,
  left: 'long' | 'short',
  right: 'long' | 'short',
): WindowSequence | undefined {
  if (sequence === WindowSequence.eightShort) {
    return left === 'short' && right === 'short' ? sequence : undefined;
  }
  return longSequence(left, right);
}

function join(
  block: readonly WindowInfo[],
  fit: (
    window: WindowInfo,
    channel: number,
  ) => { window: WindowInfo; used: Float64Array; wanted: Float64Array } | undefined,
): Joint | undefined {
  const windows: WindowInfo[] = [];
  const halves: { used: Float64Array; wanted: Float64Array }[] = [];
  for (const [channel, window] of block.entries()) {
    const fitted = fit(window, channel);
    if (fitted === undefined) return undefined;
    // Channels that share one window have one field for both.
    const shared = windows.find((one) => one.bitOffset === fitted.window.bitOffset);
    if (shared !== undefined && !sameWindow(shared, fitted.window)) return undefined;
    windows.push(fitted.window);
    halves.push({ used: fitted.used, wanted: fitted.wanted });
  }
  const isExact = halves.every(({ used, wanted }) => used === wanted);
  return { kind: isExact ? 'exact' : 'rebuilt', windows, halves };
}

function sameWindow(a: WindowInfo, b: WindowInfo): boolean {
  return a.sequence === b.sequence && a.shape === b.shape;
}
