import type { TestContext } from 'vitest';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLogger, type LogLevel } from '../../src/base/logger.js';
import { Broadcaster } from '../../src/demo/broadcaster.js';
import { RoomClient } from '../../src/demo/room-client.js';
import type { Mode, ProgramSettings, ProgramSource } from '../../src/media/program-settings.js';
import type { RoomApi, RoomEvent } from '../../src/serve/room-api.js';
import { AnchorServer, type AnchorServerOptions } from '../../src/serve/server.js';
import type { BeepAndFlash } from '../peers/beep-and-flash.js';
import { startFfmpegPublisher } from '../peers/ffmpeg-publisher.js';
import { NginxRtmp, type NginxRtmpOptions } from '../peers/nginx-rtmp.js';
import type { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { UdpProxy, type UdpProxyOptions } from '../peers/udp-proxy.js';
import { waitFor } from '../peers/wait-for.js';
import { rtmpClip, whipClip } from './clips.js';

/** The stream key of the program at the CDN. */
export const streamKey = 'program';

/** What the mix waits for late media at least (`mixLatencyMs`); a relay waits longer. */
const mediaWaitMs = 200;
/** Broadcaster, network and server are in one process: a hold-up may delay a packet at each of the three. */
const noticeableMs = mediaWaitMs / 3;

/** For shows that are not about the picture: a quarter of the work. */
export const smallPictures = { width: 640, height: 360 } as const;

export interface ShowOptions {
  readonly settings?: Partial<ProgramSettings>;
  readonly cdn?: NginxRtmpOptions;
  readonly server?: AnchorServerOptions;
}

/** A running server with one room, and nginx as the CDN that its program goes to. */
export class Show {
  readonly events: RoomEvent[] = [];
  readonly #parts: { close(): Promise<void> }[] = [];
  readonly #delays = monitorEventLoopDelay({ resolution: 5 });
  #heldUpMs = 0;

  private constructor(
    readonly folder: TempDir,
    readonly cdn: NginxRtmp,
    readonly server: AnchorServer,
    readonly room: RoomApi,
  ) {}

  static async open(options: ShowOptions = {}): Promise<Show> {
    const folder = await TempDir.open('show');
    const cdn = await NginxRtmp.open(options.cdn);
    const server = await AnchorServer.open({
      stateFolder: folder.file('state'),
      logger: createLogger((process.env['ANCHORNET_TEST_LOG'] ?? 'silent') as LogLevel),
      ...options.server,
    });
    const room = await server.rooms.create({
      id: 'show',
      name: 'Show',
      settings: { layout: 'pip', ...options.settings },
    });
    const show = new Show(folder, cdn, server, room);
    room.subscribe((event) => show.events.push(event));
    await room.addTarget({ url: cdn.url(streamKey) });
    return show;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.server.httpPort}`;
  }

  get whipUrl(): string {
    return `${this.baseUrl}/whip/${this.room.id}`;
  }

  get hostKey(): string {
    return this.room.secrets().hostKey;
  }

  get client(): RoomClient {
    return new RoomClient({ baseUrl: this.baseUrl, roomId: this.room.id, hostKey: this.hostKey });
  }

  /** Has a part closed with the show, before everything opened earlier. */
  closing<T extends { close(): Promise<void> }>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** See {@link whipClip}. */
  clip(name: string, options: Parameters<typeof whipClip>[2] = {}): Promise<string[]> {
    return whipClip(this.folder, name, options);
  }

  /** The host goes live by WHIP. `url` may lead through a bad network. */
  async host(clip: readonly string[], url = this.whipUrl): Promise<Broadcaster> {
    const broadcaster = this.closing(await Broadcaster.open({ url, token: this.hostKey, clip }));
    this.#delays.enable();
    return broadcaster;
  }

  /** See {@link rtmpClip}; long enough that it need not be repeated: a repeat has a seam of its own. */
  rtmpClip(name: string, options: Partial<BeepAndFlash>): Promise<string> {
    return rtmpClip(this.folder, name, options);
  }

  /** The host goes live by RTMP: Debian's ffmpeg sends the file as it is. */
  rtmpHost(file: string): Program {
    const { rtmpUrl, rtmpStreamKey } = this.room.secrets();
    this.#delays.enable();
    return this.closing(startFfmpegPublisher({ url: `${rtmpUrl}/${rtmpStreamKey}`, file, copy: true }));
  }

  /** A guest knocks, is let in, and publishes. `baseUrl` may lead through a bad network. */
  async guest(
    clip: readonly string[],
    { name = 'Guest', baseUrl = this.baseUrl } = {},
  ): Promise<{ broadcaster: Broadcaster; id: string }> {
    const { id, token } = await this.client.admitGuest(name);
    const url = `${baseUrl}/whip/${this.room.id}`;
    return { broadcaster: this.closing(await Broadcaster.open({ url, token, clip })), id };
  }

  /** A network between WebRTC clients and the server. */
  async network(options: Omit<UdpProxyOptions, 'serverPort' | 'httpServer'> = {}): Promise<UdpProxy> {
    const { rtcUdpPort: serverPort } = this.server;
    return this.closing(await UdpProxy.open({ serverPort, httpServer: this.baseUrl, ...options }));
  }

  /** Asks for a mode and waits until its first picture is out. @returns how long that took */
  async switchTo(mode: Mode): Promise<number> {
    const seen = this.events.length;
    await this.client.setMode(mode);
    return this.#switched(seen, `the switch to ${mode}`, (event) => event.mode === mode);
  }

  /** Waits until the program is made of `source`. */
  async onAir(source: ProgramSource, timeoutMs = 15_000): Promise<void> {
    await waitFor(`${source} on air`, () => this.room.view().source === source, {
      timeoutMs,
      state: () => this.events.slice(-10),
    });
  }

  /** Waits until the target at the CDN is live. */
  async reachCdn(): Promise<void> {
    await waitFor('the program at the CDN', () => this.room.view().targets[0]?.state === 'live', {
      state: () => this.room.view().targets,
    });
  }

  /** Lets a broadcaster send so many pictures more: time that passes by the media's own clock. */
  async letRun(broadcaster: Broadcaster, pictures: number): Promise<void> {
    const until = broadcaster.stats().pictures + pictures;
    await waitFor(`${pictures} pictures`, () => broadcaster.stats().pictures >= until, {
      timeoutMs: (pictures * 1_000) / 30 + 10_000,
    });
  }

  /** Lets so many bytes more go to the target at the CDN: time that passes while no broadcaster can be asked. */
  async letProgramRun(bytes: number): Promise<void> {
    const sent = (): number => this.room.view().targets[0]?.bytesOut ?? 0;
    const until = sent() + bytes;
    await waitFor(`${bytes} bytes of the program`, () => sent() >= until);
  }

  /**
   * Leaves the rest of a test of what is heard or seen when unjudged, as skipped, when this process was held up so
   * long that the program need not have waited: the broadcasters live in it, so what is missing then was sent too
   * late. To be called after {@link recording}.
   */
  skipWhenHeldUp(context: TestContext): void {
    context.skip(this.#heldUpMs > noticeableMs, this.#heldUp);
  }

  get #heldUp(): string {
    return `this process was held up for up to ${this.#heldUpMs} ms`;
  }

  /**
   * Takes the program off the CDN and returns the path of what the CDN recorded. Says on stderr when the machine was
   * too busy to judge by: broadcasters and server share this process, and all are late when it is.
   */
  async recording(): Promise<string> {
    this.#delays.disable();
    this.#heldUpMs = Math.round(this.#delays.max / 1e6);
    if (this.#heldUpMs > noticeableMs) process.stderr.write(`${this.#heldUp}\n`);
    for (const target of this.room.view().targets) await this.room.removeTarget(target.id);
    return this.cdn.recordingOf(streamKey);
  }

  async close(): Promise<void> {
    for (const part of this.#parts.reverse()) await part.close();
    await this.server.close();
    await this.cdn.close();
    await this.folder.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #switched(
    seen: number,
    what: string,
    isIt: (event: RoomEvent & { type: 'switched' }) => boolean,
  ): Promise<number> {
    const found = await waitFor(
      what,
      () => this.events.slice(seen).find((event) => event.type === 'switched' && isIt(event)),
      { state: () => this.events.slice(seen) },
    );
    return found.type === 'switched' ? found.tookMs : Number.NaN;
  }
}
