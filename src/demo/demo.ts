import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asAnchorNetError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import type { LayoutName } from '../media/program-settings.js';
import { Broadcaster } from './broadcaster.js';
import { RoomClient } from './room-client.js';

export interface DemoOptions {
  /** Of the running server, e.g. `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  readonly roomId: string;
  readonly hostKey: string;
  readonly signal: AbortSignal;
  readonly logger?: Logger;
  /** How long the host is alone. Default 20 s. */
  readonly liveMs?: number;
  /** How long the guest is there, divided among {@link layouts}. Default 24 s. */
  readonly collabMs?: number;
}

const layouts: readonly LayoutName[] = ['side-by-side', 'pip', 'host-left'];
/** Time for the program to have left the guest's pictures before the guest goes. */
const FAREWELL_MS = 2_000;
const RETRY_MS = 2_000;

/** Clips of the two broadcasters; the sources and the built files lie at different depths of the package. */
export function sampleClip(name: 'host.mp4' | 'guest.mp4'): string {
  const depth = import.meta.url.endsWith('.ts') ? '../../' : '../../../';
  return fileURLToPath(new URL(`${depth}samples/${name}`, import.meta.url));
}

/**
 * Two synthetic broadcasters who go live → collab → live in a loop until the signal aborts, through the same WHIP and
 * REST interfaces as people do. What fails is logged and tried again.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { signal, logger = silentLogger } = options;
  while (!signal.aborted) {
    try {
      await hostShow(options);
    } catch (thrown) {
      if (signal.aborted) return;
      logger.warn({ err: asAnchorNetError(thrown) }, 'demo: trying again');
      await pause(RETRY_MS, signal);
    }
  }
}

/** One host session, for as long as it lasts. */
async function hostShow(options: DemoOptions): Promise<void> {
  const { baseUrl, roomId, hostKey, signal, logger = silentLogger, liveMs = 20_000 } = options;
  await using host = await Broadcaster.open({
    url: `${baseUrl}/whip/${roomId}`,
    token: hostKey,
    clip: sampleClip('host.mp4'),
    signal,
  });
  await new RoomClient({ baseUrl, roomId, hostKey, signal }).nameHost('Ada');
  logger.info('demo: the host is live');
  while (!signal.aborted && host.isOpen) {
    await pause(liveMs, signal);
    if (!signal.aborted && host.isOpen) await visit(options);
  }
}

/** A guest joins, is mixed in, and leaves again. */
async function visit(options: DemoOptions): Promise<void> {
  const { baseUrl, roomId, hostKey, signal, logger = silentLogger, collabMs = 24_000 } = options;
  const room = new RoomClient({ baseUrl, roomId, hostKey, signal });
  const guest = await room.admitGuest('Ben');
  try {
    await using broadcaster = await Broadcaster.open({
      url: `${baseUrl}/whip/${roomId}`,
      token: guest.token,
      clip: sampleClip('guest.mp4'),
      signal,
    });
    logger.info('demo: the guest is there');
    await room.setMode('collab');
    for (const layout of layouts) {
      await room.setLayout(layout);
      await pause(collabMs / layouts.length, signal);
    }
    await room.setMode('live');
    await pause(FAREWELL_MS, signal);
    logger.info({ sent: broadcaster.stats() }, 'demo: the guest leaves');
  } finally {
    // The server may be on its way down: its rooms forget their guests by themselves.
    if (!signal.aborted) await room.dismissGuest(guest.id);
  }
}

/** Waits; an abort ends the wait without an error. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
