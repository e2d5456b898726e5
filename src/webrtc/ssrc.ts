import { randomBytes } from 'node:crypto';

/** A primary SSRC and the one of its retransmissions, never 0: that is what an unset field looks like. */
export function randomSsrcs(): readonly [primary: number, rtx: number] {
  const primary = randomBytes(4).readUInt32BE(0) || 1;
  const rtx = (primary ^ 0x5555_5555) >>> 0 || 1;
  return [primary, rtx];
}
