import { Flags } from '@oclif/core';
import chalk from 'chalk';
import type { Logger, LogLevel } from '../src/base/logger.js';
import type { ProgramSettings } from '../src/media/program-settings.js';
import type { RoomDirectory } from '../src/serve/room-api.js';
import { BaseCommand } from './cli/base-command.js';

const PRESETS = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'] as const;

const DEMO_ROOM = 'demo';

interface Addresses {
  readonly dashboard: string;
  readonly api: string;
  readonly rtmp: string;
  readonly webrtc: string;
}

export default class Serve extends BaseCommand {
  static override summary = 'Run the live-streaming server: studio, guests, watch pages, RTMP targets, API.';

  static override description = `Hosts go live from the studio page (WHIP) or from OBS (RTMP); guests join by invite link; the one program goes to RTMP targets, to HTTP-FLV, LL-HLS and WebRTC viewers, and into recordings.

Listens on this machine alone unless --host says otherwise; then an admin token is required, and made and printed when none is given.`;

  static override examples = [
    { description: 'Everything on this machine', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Two synthetic broadcasters going live, collab, live in a loop',
      command: '<%= config.bin %> <%= command.id %> --demo',
    },
    {
      description: 'Reachable from the network, behind a router',
      command: '<%= config.bin %> <%= command.id %> --host 0.0.0.0 --advertise 203.0.113.7',
    },
    {
      description: 'Behind a TLS proxy on this machine',
      command: '<%= config.bin %> <%= command.id %> --trust-proxy loopback --advertise 203.0.113.7',
    },
    {
      description: 'A full-HD program',
      command: '<%= config.bin %> <%= command.id %> --size 1920x1080 --video-bitrate 4500',
    },
  ];

  static override flags = {
    host: Flags.string({
      default: '127.0.0.1',
      env: 'ANCHORNET_HOST',
      helpGroup: 'NETWORK',
      description: 'address to listen on: 0.0.0.0 is all of IPv4, :: both families',
    }),
    'http-port': Flags.integer({
      aliases: ['port'],
      default: 8080,
      min: 0,
      max: 65_535,
      env: 'ANCHORNET_HTTP_PORT',
      helpGroup: 'NETWORK',
      description: 'pages, API, WHIP, WHEP, HLS and HTTP-FLV; 0 takes a free one',
    }),
    'rtmp-port': Flags.integer({
      default: 1935,
      min: 0,
      max: 65_535,
      env: 'ANCHORNET_RTMP_PORT',
      helpGroup: 'NETWORK',
      description: 'RTMP from OBS and ffmpeg',
    }),
    'rtc-port': Flags.integer({
      default: 8189,
      min: 0,
      max: 65_535,
      env: 'ANCHORNET_RTC_PORT',
      helpGroup: 'NETWORK',
      description: 'the one UDP port of all WebRTC media',
    }),
    'rtc-tcp-port': Flags.integer({
      min: 0,
      max: 65_535,
      env: 'ANCHORNET_RTC_TCP_PORT',
      helpGroup: 'NETWORK',
      description: 'also WebRTC over TCP, for networks without UDP',
    }),
    advertise: Flags.string({
      multiple: true,
      delimiter: ',',
      env: 'ANCHORNET_ADVERTISE',
      helpGroup: 'NETWORK',
      description: 'public address of this machine, when it is behind NAT (repeatable)',
    }),
    'ice-server': Flags.string({
      multiple: true,
      delimiter: ',',
      env: 'ANCHORNET_ICE_SERVER',
      helpGroup: 'NETWORK',
      description:
        'STUN or TURN server that clients are told of: stun:HOST, turn:USER:PASSWORD@HOST (repeatable)',
    }),
    state: Flags.directory({
      env: 'ANCHORNET_STATE',
      helpGroup: 'STORAGE',
      description: 'folder of rooms, keys and targets [default: ~/.anchornet]',
    }),
    recordings: Flags.directory({
      env: 'ANCHORNET_RECORDINGS',
      helpGroup: 'STORAGE',
      description: 'folder of recordings [default: recordings in the state folder]',
    }),
    'admin-token': Flags.string({
      env: 'ANCHORNET_ADMIN_TOKEN',
      description: 'what administrators must present; at least 16 characters',
    }),
    'trust-proxy': Flags.string({
      env: 'ANCHORNET_TRUST_PROXY',
      helpGroup: 'NETWORK',
      description:
        'address or network of the TLS proxy before this server, e.g. loopback or 10.0.0.0/8: its X-Forwarded-For is believed, and the admin token is required',
    }),
    demo: Flags.boolean({
      env: 'ANCHORNET_DEMO',
      description: 'bring two synthetic broadcasters who show everything in a loop',
    }),
    size: Flags.string({
      default: '1280x720',
      env: 'ANCHORNET_SIZE',
      helpGroup: 'PROGRAM (of new rooms)',
      description: 'of the mixed picture',
    }),
    fps: Flags.integer({
      default: 30,
      min: 1,
      max: 60,
      env: 'ANCHORNET_FPS',
      helpGroup: 'PROGRAM (of new rooms)',
      description: 'mixed pictures a second',
    }),
    'video-bitrate': Flags.integer({
      default: 2500,
      min: 50,
      max: 50_000,
      env: 'ANCHORNET_VIDEO_BITRATE',
      helpGroup: 'PROGRAM (of new rooms)',
      description: 'of the mixed picture, in kb/s',
    }),
    'audio-bitrate': Flags.integer({
      default: 128,
      min: 16,
      max: 512,
      env: 'ANCHORNET_AUDIO_BITRATE',
      helpGroup: 'PROGRAM (of new rooms)',
      description: 'of the program audio (AAC), in kb/s',
    }),
    preset: Flags.option({
      options: PRESETS,
      default: 'veryfast' as (typeof PRESETS)[number],
      env: 'ANCHORNET_PRESET',
      helpGroup: 'PROGRAM (of new rooms)',
      description: 'x264 preset: slower looks better and costs more CPU',
    })(),
    relay: Flags.option({
      options: ['on', 'off'] as const,
      default: 'on' as 'on' | 'off',
      env: 'ANCHORNET_RELAY',
      helpGroup: 'PROGRAM (of new rooms)',
      description: 'off mixes the host in live mode too, for targets that cannot take new parameter sets',
    })(),
    'log-level': Flags.option({
      options: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const,
      default: 'info' as LogLevel,
      env: 'ANCHORNET_LOG_LEVEL',
      description: 'how much to log on stderr',
      helpGroup: 'GLOBAL',
    })(),
  };

  async run(): Promise<Addresses> {
    const { flags } = await this.parse(Serve);
    const signal = this.interruptSignal();
    // A file that may not grow (ulimit -f) fails its writer with EFBIG; the signal for it must not end the server.
    process.on('SIGXFSZ', () => undefined);
    const logger = this.createLogger(flags['log-level']);
    const { isLoopbackAddress } = await import('../src/serve/auth/loopback.js');
    const { newKey } = await import('../src/serve/auth/secret.js');
    const { parseIceServer } = await import('../src/serve/ice-server.js');
    const { localName, urlHost } = await import('../src/serve/addresses.js');
    const { AnchorServer } = await import('../src/serve/server.js');
    const isReachable = !isLoopbackAddress(flags.host) || flags['trust-proxy'] !== undefined;
    const adminToken = flags['admin-token'] ?? (isReachable ? newKey() : undefined);
    const server = await AnchorServer.open({
      host: flags.host,
      httpPort: flags['http-port'],
      rtmpPort: flags['rtmp-port'],
      rtcUdpPort: flags['rtc-port'],
      settings: await settingsOf(flags),
      logger,
      ...given('rtcTcpPort', flags['rtc-tcp-port']),
      ...given('advertisedAddresses', flags.advertise),
      iceServers: (flags['ice-server'] ?? []).map(parseIceServer),
      ...given('stateFolder', flags.state),
      ...given('recordingFolder', flags.recordings),
      ...given('adminToken', adminToken),
      ...given('trustedProxies', flags['trust-proxy']),
    });
    try {
      const localHost = localName(flags.host);
      const [advertised] = flags.advertise ?? [];
      const shownHost = advertised === undefined ? localHost : urlHost(advertised);
      const addresses: Addresses = {
        dashboard: `http://${shownHost}:${server.httpPort}/`,
        api: `http://${shownHost}:${server.httpPort}/api/docs`,
        rtmp: `rtmp://${shownHost}:${server.rtmpPort}/live`,
        webrtc: `udp ${server.rtcUdpPort}`,
      };
      this.#print(addresses, adminToken, flags.demo);
      const local = `http://${localHost}:${server.httpPort}`;
      await (flags.demo ? runDemoRoom(server.rooms, local, { signal, logger }) : aborted(signal));
      return addresses;
    } finally {
      await server.close();
    }
  }

  /** Printed once; the token is nowhere in the log. */
  #print(addresses: Addresses, adminToken: string | undefined, demo: boolean): void {
    const dashboard =
      adminToken === undefined ? addresses.dashboard : `${addresses.dashboard}#token=${adminToken}`;
    const line = (name: string, value: string): void =>
      void process.stderr.write(`  ${chalk.dim(name.padEnd(10))} ${value}\n`);
    process.stderr.write(`\n${chalk.bold.cyan('⚓ AnchorNet')} is ready\n\n`);
    line('Dashboard', chalk.bold.underline(dashboard));
    if (demo) line('Watch', chalk.underline(`${addresses.dashboard}watch/${DEMO_ROOM}`));
    line('API', addresses.api);
    line('RTMP in', addresses.rtmp);
    line('WebRTC', addresses.webrtc);
    process.stderr.write(`\n${chalk.dim('Ctrl-C stops it.')}\n\n`);
  }
}

/** The demo's room stays in the state folder: its watch link is the same each time. */
async function runDemoRoom(
  rooms: RoomDirectory,
  baseUrl: string,
  options: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<void> {
  const { runDemo } = await import('../src/demo/demo.js');
  const room = rooms.get(DEMO_ROOM) ?? (await rooms.create({ id: DEMO_ROOM, name: 'Demo' }));
  await runDemo({ baseUrl, roomId: room.id, hostKey: room.secrets().hostKey, ...options });
}

interface ProgramFlags {
  readonly size: string;
  readonly fps: number;
  readonly 'video-bitrate': number;
  readonly 'audio-bitrate': number;
  readonly preset: ProgramSettings['x264Preset'];
  readonly relay: 'on' | 'off';
}

async function settingsOf(flags: ProgramFlags): Promise<Partial<ProgramSettings>> {
  const size = /^(\d{2,4})x(\d{2,4})$/.exec(flags.size);
  if (size === null) {
    const { InvalidOptionError } = await import('../src/base/errors.js');
    throw new InvalidOptionError(`--size: expected WIDTHxHEIGHT such as 1280x720, got ${flags.size}`);
  }
  return {
    width: Number(size[1]),
    height: Number(size[2]),
    fps: flags.fps,
    videoBitrateBps: flags['video-bitrate'] * 1000,
    audioBitrateBps: flags['audio-bitrate'] * 1000,
    x264Preset: flags.preset,
    relay: flags.relay,
  };
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
