import type { ParticipantMedia } from './participant-media.js';

/**
 * `present`: pictures keep coming. `no-picture`: only sound comes, or the pictures have stopped for a moment.
 * `gone`: nothing comes.
 */
export type Presence = 'present' | 'no-picture' | 'gone';

/** Without any unit for this long the host is gone, whatever its connection says. */
const SILENCE_US = 1_000_000;

/**
 * @param nowUs when units are looked for
 * @param heardUs up to when what arrived has been read
 */
export function hostPresence(host: ParticipantMedia | undefined, nowUs: number, heardUs: number): Presence {
  if (host === undefined || !host.active || host.newest === undefined) return 'gone';
  if (host.flows('video', nowUs, heardUs)) return 'present';
  const silentUs = host.newest.silenceUs(nowUs, heardUs);
  return silentUs < Math.max(SILENCE_US, host.stallUs) ? 'no-picture' : 'gone';
}
