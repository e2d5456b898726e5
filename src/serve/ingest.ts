import { EventEmitter } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { AnchorNetError } from '../base/errors.js';
import { asAnchorNetError, DestinationError, InvalidOptionError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import type { AccessUnit } from '../media/access-unit.js';
import { Recorder, type RecorderStats } from '../record/recorder.js';
import { RtmpServer } from '../rtmp/rtmp-server.js';
import type { Publication } from '../sfu/publication.js';
import { Sfu } from '../sfu/sfu.js';
import { WebRtcServer } from '../webrtc/webrtc-server.js';
import { IngestDoor } from './ingest-door.js';
import { readBody, refuse } from './ingest-http.js';

export interface IngestOptions {
  /** Folder of the recordings; made when it is missing. */
  readonly folder: string;
  readonly host: string;
  /** WHIP over HTTP; 0 takes a free port, undefined none. */
  readonly whipPort?: number | undefined;
  /** UDP port of WebRTC media; 0 takes a free one. */
  readonly udpPort?: number | undefined;
  /** 0 takes a free port, undefined none. */
  readonly rtmpPort?: number | undefined;
  /** Asked of every publisher; needed when `host` is not loopback. */
  readonly token?: string | undefined;
  readonly logger?: Logger;
}

export interface IngestedParticipant {
  readonly name: string;
  readonly via: 'whip' | 'rtmp';
  readonly recording: RecorderStats;
  readonly error?: AnchorNetError;
}

export interface IngestEvents {
  started: [{ readonly name: string; readonly via: 'whip' | 'rtmp'; readonly path: string }];
  finished: [IngestedParticipant];
}

interface Session {
  readonly name: string;
  readonly via: 'whip' | 'rtmp';
  readonly recorder: Recorder;
}

/** A publisher, as far as recording it goes. */
interface Source {
  on(event: 'unit', listener: (unit: AccessUnit) => void): unknown;
  once(event: 'closed', listener: () => void): unknown;
}

/** Recordings can be entered, and go on after a drop, this often. */
const KEYFRAME_EVERY_MS = 5_000;
const allowed = 'POST, PATCH, DELETE, OPTIONS';
const preflightHeaders = {
  'access-control-allow-methods': allowed,
  // Named one by one: `*` does not stand for Authorization (Fetch standard, CORS-preflight fetch).
  'access-control-allow-headers': 'authorization, content-type, if-match',
};

/** Records each participant that comes by WHIP or RTMP into an MP4 of its own, without decoding anything. */
export class Ingest extends EventEmitter<IngestEvents> {
  readonly #folder: string;
  readonly #door: IngestDoor;
  readonly #logger: Logger;
  readonly #sessions = new Set<Session>();
  readonly #publications = new Map<string, Publication>();
  #webrtc: WebRtcServer | undefined;
  #sfu: Sfu | undefined;
  #http: Server | undefined;
  #rtmp: RtmpServer | undefined;
  #count = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: IngestOptions) {
    super();
    this.#folder = options.folder;
    this.#door = new IngestDoor(options.host, options.token);
    this.#logger = options.logger ?? silentLogger;
  }

  /**
   * @throws InvalidOptionError when the folder cannot be made, no port is given, or others could publish without a token
   * @throws DestinationError when a port is taken
   */
  static async open(options: IngestOptions): Promise<Ingest> {
    if (options.whipPort === undefined && options.rtmpPort === undefined) {
      throw new InvalidOptionError('ingest: expected a WHIP port, an RTMP port, or both');
    }
    const ingest = new Ingest(options);
    await mkdir(options.folder, { recursive: true }).catch((cause: unknown) => {
      throw new InvalidOptionError(`${options.folder}: the folder cannot be made`, { cause });
    });
    try {
      if (options.whipPort !== undefined) await ingest.#openWhip(options.whipPort, options);
      if (options.rtmpPort !== undefined) await ingest.#openRtmp(options.rtmpPort, options.host);
    } catch (error) {
      await ingest.close();
      throw error;
    }
    return ingest;
  }

  get whipPort(): number | undefined {
    return (this.#http?.address() as AddressInfo | null | undefined)?.port;
  }

  get rtmpPort(): number | undefined {
    return this.#rtmp?.port;
  }

  /** Recordings under way. */
  get participants(): IngestedParticipant[] {
    return [...this.#sessions].map(({ name, via, recorder }) => ({ name, via, recording: recorder.stats }));
  }

  /** Ends all publishers and finishes their recordings. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #openWhip(port: number, options: IngestOptions): Promise<void> {
    const { host, udpPort = 0 } = options;
    this.#webrtc = await WebRtcServer.open({ host, udpPort, logger: this.#logger });
    this.#sfu = Sfu.open({ webrtc: this.#webrtc, logger: this.#logger });
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => refuse(response, asAnchorNetError(error)));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new DestinationError(`WHIP: cannot listen on ${host}:${port}`, { cause })),
      );
      server.listen(port, host, resolve);
    });
    this.#http = server;
  }

  async #openRtmp(port: number, host: string): Promise<void> {
    const isKey = (key: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(key);
    this.#rtmp = await RtmpServer.open({
      host,
      port,
      logger: this.#logger,
      authorize: (_app, streamKey, { query }) => {
        if (!this.#door.admitsStreamKey(query))
          return { accept: false, reason: 'expected the stream key NAME?token=TOKEN' };
        return isKey(streamKey) || { accept: false, reason: 'a name has 1…64 letters, digits, _ or -' };
      },
    });
    this.#rtmp.on('publish', (publication) => {
      this.#record(publication, { name: publication.streamKey, via: 'rtmp' });
    });
  }

  /** `POST /whip/<name>` (RFC 9725 §4.2), and the session resource it creates. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '', 'http://ingest');
    const match = /^\/whip\/([A-Za-z0-9_-]{1,64})(?:\/([A-Za-z0-9_-]{1,128}))?$/.exec(pathname);
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'location, etag');
    const [, name, id] = match ?? [];
    const { headers, httpVersion, socket } = request;
    const refusal = this.#door.refusalOf({ headers, httpVersion, remoteAddress: socket.remoteAddress ?? '' });
    if (name === undefined) response.writeHead(404).end();
    else if (request.method === 'OPTIONS') response.writeHead(204, preflightHeaders).end();
    else if (refusal !== undefined) {
      const challenge = { 'content-type': 'text/plain', 'www-authenticate': 'Bearer realm="anchornet"' };
      response.writeHead(401, challenge).end(`${refusal}\n`);
    } else if (id === undefined && request.method === 'POST') await this.#offer(name, request, response);
    else if (id !== undefined) await this.#session(id, request, response);
    else response.writeHead(405, { allow: allowed }).end();
  }

  async #offer(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#sfu === undefined) return;
    if (!(request.headers['content-type'] ?? '').startsWith('application/sdp')) {
      response.writeHead(415, { 'accept-post': 'application/sdp' }).end();
      return;
    }
    const source = request.socket.remoteAddress;
    const { answerSdp, publication } = await this.#sfu.publish(
      await readBody(request),
      source === undefined ? {} : { source },
    );
    this.#publications.set(publication.id, publication);
    publication.once('closed', () => this.#publications.delete(publication.id));
    publication.once('connected', () => publication.requestKeyframe());
    const timer = setInterval(() => publication.requestKeyframe(), KEYFRAME_EVERY_MS);
    publication.once('closed', () => clearInterval(timer));
    this.#record(publication, { name, via: 'whip' });
    const headers = {
      'content-type': 'application/sdp',
      location: `/whip/${name}/${publication.id}`,
      etag: publication.etag,
    };
    response.writeHead(201, headers).end(answerSdp);
  }

  async #session(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const publication = this.#publications.get(id);
    if (publication === undefined) response.writeHead(404).end();
    else if (request.method === 'DELETE') {
      publication.close();
      response.writeHead(200).end();
    } else if (request.method === 'PATCH') {
      const result = publication.patch(await readBody(request));
      if (result.kind === 'trickled') response.writeHead(204).end();
      else {
        const headers = { 'content-type': 'application/trickle-ice-sdpfrag', etag: publication.etag };
        response.writeHead(200, headers).end(result.sdpFragment);
      }
    } else response.writeHead(405, { allow: allowed }).end();
  }

  /** The file is made with the first unit, so that a publisher without media leaves none. */
  #record(source: Source, who: { readonly name: string; readonly via: 'whip' | 'rtmp' }): void {
    const early: AccessUnit[] = [];
    let opening: Promise<Session | undefined> | undefined;
    let session: Session | undefined;
    let hasFailed = false;
    source.on('unit', (unit) => {
      if (session !== undefined) session.recorder.write(unit);
      else if (!hasFailed) {
        early.push(unit);
        opening ??= this.#openSession(who).then((opened) => {
          for (const one of early.splice(0)) opened?.recorder.write(one);
          hasFailed = opened === undefined;
          return (session = opened);
        });
      }
    });
    source.once('closed', () => void opening?.then((opened) => opened?.recorder.close()));
  }

  async #openSession(who: {
    readonly name: string;
    readonly via: 'whip' | 'rtmp';
  }): Promise<Session | undefined> {
    const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const path = join(this.#folder, `${who.name}-${stamp}-${++this.#count}.mp4`);
    try {
      const recorder = await Recorder.open({ path, logger: this.#logger });
      const session = { ...who, recorder };
      this.#sessions.add(session);
      recorder.once('stopped', ({ error, stats }) => {
        this.#sessions.delete(session);
        this.emit('finished', { ...who, recording: stats, ...(error === undefined ? {} : { error }) });
      });
      this.emit('started', { ...who, path });
      return session;
    } catch (error) {
      this.#logger.error({ err: error, path }, 'a participant cannot be recorded');
      return undefined;
    }
  }

  async #shutDown(): Promise<void> {
    this.#http?.closeAllConnections();
    this.#http?.close();
    await this.#rtmp?.close();
    await this.#sfu?.close();
    await Promise.all([...this.#sessions].map(({ recorder }) => recorder.close()));
    await this.#webrtc?.close();
  }
}
