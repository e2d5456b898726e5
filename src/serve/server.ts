import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger, type Logger } from '../base/logger.js';
import {
  checkProgramSettings,
  defaultProgramSettings,
  type ProgramSettings,
} from '../media/program-settings.js';
import { Origin } from '../origin/origin.js';
import { RtmpServer, type RtmpPublication } from '../rtmp/rtmp-server.js';
import { Sfu } from '../sfu/sfu.js';
import { WebRtcServer } from '../webrtc/webrtc-server.js';
import { bindAddress, urlHost } from './addresses.js';
import { finishRecordings } from './finish-recordings.js';
import type { IceServer } from './http/context.js';
import { HttpServer } from './http/http-server.js';
import { ProgramOutput } from './program-output.js';
import { RtmpPublisher } from './publisher.js';
import { Room } from './room.js';
import { Rooms } from './room-directory.js';
import { defaultStateFolder, StateStore } from './state/state-store.js';

/** The RTMP application that hosts push to. */
const INGEST_APP = 'live';

export interface AnchorServerOptions {
  /** Address that everything binds to: `0.0.0.0` for all of IPv4, `::` for both families. Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one; so for all ports. */
  readonly httpPort?: number;
  readonly rtmpPort?: number;
  readonly rtcUdpPort?: number;
  /** ICE-TCP; absent means none. */
  readonly rtcTcpPort?: number;
  /** Addresses named in WebRTC answers instead of the bound ones. */
  readonly advertisedAddresses?: readonly string[];
  readonly iceServers?: readonly IceServer[];
  /** Needed when `host` is not loopback. */
  readonly adminToken?: string;
  /** Proxies before the HTTP server whose X-Forwarded-For is believed; see {@link HttpServer}. */
  readonly trustedProxies?: string;
  readonly stateFolder?: string;
  /** Default `recordings` in the state folder. */
  readonly recordingFolder?: string;
  /** What new rooms start from. */
  readonly settings?: Partial<ProgramSettings>;
  readonly logger?: Logger;
}

interface Part {
  close(): Promise<void> | void;
}

/** The running system: every listener and every room. */
export class AnchorServer {
  readonly rooms: Rooms;
  readonly httpPort: number;
  readonly rtmpPort: number;
  readonly rtcUdpPort: number;
  /** In the order they were opened; closed from the end. */
  readonly #parts: readonly Part[];
  #closing: Promise<void> | undefined;

  private constructor(
    rooms: Rooms,
    ports: { readonly http: number; readonly rtmp: number; readonly rtcUdp: number },
    parts: readonly Part[],
  ) {
    this.rooms = rooms;
    this.httpPort = ports.http;
    this.rtmpPort = ports.rtmp;
    this.rtcUdpPort = ports.rtcUdp;
    this.#parts = parts;
  }

  /**
   * @throws InvalidOptionError for settings or addresses that cannot be
   * @throws InvalidStateError when the state folder is damaged
   * @throws DestinationError when a port cannot be bound
   */
  static async open(options: AnchorServerOptions = {}): Promise<AnchorServer> {
    const parts: Part[] = [];
    try {
      return await open(options, parts, (rooms, ports) => new AnchorServer(rooms, ports, parts));
    } catch (error) {
      await closeAll(parts);
      throw error;
    }
  }

  /** Ends every room and every listener. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= closeAll(this.#parts);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function open<Server>(
  options: AnchorServerOptions,
  parts: Part[],
  make: (rooms: Rooms, ports: { http: number; rtmp: number; rtcUdp: number }) => Server,
): Promise<Server> {
  const { logger = silentLogger, stateFolder = defaultStateFolder() } = options;
  const host = bindAddress(options.host ?? '127.0.0.1');
  const opened = <T extends Part>(part: T): T => {
    parts.push(part);
    return part;
  };
  const settings = checkProgramSettings({ ...defaultProgramSettings, ...options.settings });
  const recordingFolder = options.recordingFolder ?? join(stateFolder, 'recordings');
  const store = opened(await StateStore.open({ folder: stateFolder, logger }));
  await mkdir(recordingFolder, { recursive: true });
  // Nothing records yet; long files take a moment, which the start does not wait for.
  const finishing = finishRecordings(recordingFolder, logger);
  opened({ close: () => finishing });

  const webrtc = opened(
    await WebRtcServer.open({
      host,
      logger,
      udpPort: options.rtcUdpPort ?? 0,
      ...(options.rtcTcpPort === undefined ? {} : { tcpPort: options.rtcTcpPort }),
      ...(options.advertisedAddresses === undefined
        ? {}
        : { advertisedAddresses: options.advertisedAddresses }),
    }),
  );
  const sfu = opened(Sfu.open({ webrtc, logger }));
  const origin = opened(await Origin.open({ host: '127.0.0.1', rtmpPort: 0, logger }));
  // Rooms need to know where OBS pushes to, and the ingest whose key it is: the port is known once it is bound.
  let rooms: Rooms | undefined = undefined;
  const ingest = opened(
    await RtmpServer.open({
      host,
      port: options.rtmpPort ?? 0,
      logger,
      authorize: (app, streamKey) => app === INGEST_APP && rooms?.byStreamKey(streamKey) !== undefined,
    }),
  );
  const rtmpUrl = `rtmp://${urlHost(options.advertisedAddresses?.[0] ?? host)}:${ingest.port}/${INGEST_APP}`;
  const directory = opened(
    new Rooms({
      store,
      settings,
      makeRoom: (record) => {
        const roomLogger = logger.child({ room: record.id });
        const output = new ProgramOutput({ roomId: record.id, origin, recordingFolder, logger: roomLogger });
        return new Room({ record, store, sfu, output, rtmpUrl, logger: roomLogger });
      },
    }),
  );
  rooms = directory;
  ingest.on('publish', (publication: RtmpPublication) => {
    const owner = directory.byStreamKey(publication.streamKey);
    if (owner === undefined) void publication.close('the stream key is not valid any more');
    else owner.room.takePublisher(owner.participantId, new RtmpPublisher(publication));
  });
  const http = opened(
    await HttpServer.open({
      host,
      port: options.httpPort ?? 0,
      rooms: directory,
      signingSecret: store.signingSecret,
      adminToken: options.adminToken,
      trustedProxies: options.trustedProxies,
      origin: {
        handler: {
          handle: (request, response, client) => {
            if (!origin.handle(request, response, client)) response.writeHead(404).end();
          },
        },
        prefixes: ['/live'],
      },
      iceServers: options.iceServers ?? [],
      logger,
    }),
  );
  return make(directory, { http: http.port, rtmp: ingest.port, rtcUdp: webrtc.udpPort });
}

async function closeAll(parts: readonly Part[]): Promise<void> {
  for (const part of [...parts].reverse()) await part.close();
}
