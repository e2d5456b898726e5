import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.js';
import { Broadcaster } from '../../src/demo/broadcaster.js';
import { RoomClient } from '../../src/demo/room-client.js';
import type { Mode, ProgramSettings } from '../../src/media/program-settings.js';
import type { ParticipantView } from '../../src/serve/room-api.js';
import { TempDir } from '../../test/peers/temp-dir.js';
import { waitFor } from '../../test/peers/wait-for.js';
import { clip720p } from './clips.js';
import { HostTimeline } from './host-timeline.js';
import { ProgramTarget, type ArrivedPicture } from './program-target.js';
import { ServerProcess } from './server-process.js';

const ROOM = 'bench';
const FIRST_PICTURE_TIMEOUT_MS = 30_000;

export interface StageOptions {
  readonly bin?: string | undefined;
  readonly guests: number;
  readonly settings?: Partial<ProgramSettings>;
}

/** The whole pipeline: a server process, a host and guests over WHIP, and the RTMP target that the program goes to. */
export class Stage {
  readonly client: RoomClient;
  readonly #guests: Broadcaster[] = [];
  #closing = false;

  private constructor(
    readonly folder: TempDir,
    readonly server: ServerProcess,
    readonly target: ProgramTarget,
    readonly host: Broadcaster,
    readonly timeline: HostTimeline,
    hostKey: string,
  ) {
    this.#watch(host, 'the host');
    this.client = new RoomClient({ baseUrl: server.baseUrl, roomId: ROOM, hostKey });
  }

  /** Resolves when the host's own pictures come out at the target and the guests are connected. */
  static async open({ bin, guests, settings = {} }: StageOptions): Promise<Stage> {
    const hostClip = await clip720p('host', 0);
    const guestClip = guests > 0 ? await clip720p('guest', 120) : [];
    const folder = await TempDir.open('bench');
    const server = await ServerProcess.open({ folder: folder.path, bin });
    const target = await ProgramTarget.open();
    await server.call('POST', '/rooms', {
      id: ROOM,
      name: 'Bench',
      settings: { layout: 'grid', ...settings },
    });
    const { hostKey } = await server.call<{ hostKey: string }>('GET', `/rooms/${ROOM}/keys`);
    await server.call('POST', `/rooms/${ROOM}/targets`, { url: target.url });
    const url = `${server.baseUrl}/whip/${ROOM}`;
    const host = await Broadcaster.open({ url, token: hostKey, clip: hostClip });
    const stage = new Stage(folder, server, target, host, new HostTimeline(host), hostKey);
    await stage.nextPicture(
      (picture) => stage.timeline.relayedAfterUs(picture) !== undefined,
      FIRST_PICTURE_TIMEOUT_MS,
    );
    for (let i = 0; i < guests; i++) {
      const { token } = await stage.client.admitGuest(`Guest ${i + 1}`);
      const guest = await Broadcaster.open({ url, token, clip: guestClip });
      stage.#watch(guest, `guest ${i + 1}`);
      stage.#guests.push(guest);
    }
    return stage;
  }

  /** The next picture at the target for which `isIt` holds. @throws Error when none comes in time */
  async nextPicture(isIt: (picture: ArrivedPicture) => boolean, timeoutMs = 10_000): Promise<ArrivedPicture> {
    let found: ArrivedPicture | undefined;
    const look = (picture: ArrivedPicture): void => {
      if (found === undefined && isIt(picture)) found = picture;
    };
    this.target.on('picture', look);
    try {
      return await waitFor('a picture at the target', () => found, { timeoutMs, intervalMs: 5 });
    } finally {
      this.target.off('picture', look);
    }
  }

  /** Asks for a mode. @returns its first picture at the target, and when it was asked for on the system clock */
  async switchTo(mode: Mode, clock: Clock): Promise<{ picture: ArrivedPicture; askedUs: number }> {
    const first = this.nextPicture(
      (picture) => (this.timeline.relayedAfterUs(picture) !== undefined) === (mode === 'live'),
    );
    const askedUs = clock.nowUs();
    const [picture] = await Promise.all([first, this.client.setMode(mode)]);
    return { picture, askedUs };
  }

  /** Participants that publish and are in the mix. */
  async onAir(): Promise<number> {
    const { participants } = await this.server.call<{ participants: ParticipantView[] }>(
      'GET',
      `/rooms/${ROOM}`,
    );
    return participants.filter(({ publishing, onAir }) => publishing && onAir).length;
  }

  /** Runs for a while, calling `each` with every picture that comes out. */
  async observe(ms: number, each: (picture: ArrivedPicture) => void): Promise<void> {
    this.target.on('picture', each);
    await delay(ms);
    this.target.off('picture', each);
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const broadcaster of [this.host, ...this.#guests]) await broadcaster.close();
    await this.server.close();
    await this.target.close();
    await this.folder.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Without one of them the figures mean something else. */
  #watch(broadcaster: Broadcaster, who: string): void {
    broadcaster.on('closed', (reason) => {
      if (!this.#closing) process.stderr.write(`${who}’s session ended by itself: ${reason}\n`);
    });
  }
}
