import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { freeTcpPort } from './free-port.js';
import { Program } from './program.js';
import { TempDir } from './temp-dir.js';
import { waitFor } from './wait-for.js';

const modulePath = '/usr/lib/nginx/modules/ngx_rtmp_module.so';

export interface NginxRtmpOptions {
  /** The stream keys that are refused with an error at publish. */
  readonly refuse?: readonly string[];
}

/** A publish that nginx has seen, from its notify calls. */
export interface NginxPublish {
  readonly app: string;
  readonly streamKey: string;
  /** nginx's number of the RTMP connection. */
  readonly connection: string;
  /** Set when it has ended. */
  ended: boolean;
  /** The FLV it was recorded to; there once the recording is complete. */
  recording: string | undefined;
}

/**
 * A real CDN ingest: nginx with its rtmp module in a folder of its own, recording every publish to FLV and counting
 * connections. It can refuse, be killed, start again on the same port, or stop reading without closing.
 */
export class NginxRtmp {
  readonly #folder: TempDir;
  readonly #notify: Server;
  readonly #options: NginxRtmpOptions;
  #program: Program | undefined;
  #restarts = 0;
  /** Every RTMP connection since the start, by the address it asked for. */
  readonly connections: { readonly app: string; readonly tcUrl: string }[] = [];
  readonly publishes: NginxPublish[] = [];

  private constructor(
    folder: TempDir,
    notify: Server,
    readonly port: number,
    options: NginxRtmpOptions,
  ) {
    this.#folder = folder;
    this.#notify = notify;
    this.#options = options;
  }

  static async open(options: NginxRtmpOptions = {}): Promise<NginxRtmp> {
    const folder = await TempDir.open('nginx');
    const notify = createServer();
    await new Promise<void>((resolve) => notify.listen(0, '127.0.0.1', resolve));
    const nginx = new NginxRtmp(folder, notify, await freeTcpPort(), options);
    notify.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        response.statusCode = nginx.#onNotify(new URLSearchParams(body));
        response.end();
      });
    });
    try {
      await nginx.start();
    } catch (error) {
      await nginx.close();
      throw error;
    }
    return nginx;
  }

  /** Where to publish a stream. */
  url(streamKey: string): string {
    return `rtmp://127.0.0.1:${this.port}/live/${streamKey}`;
  }

  /** Starts nginx, on the same port each time. */
  async start(): Promise<void> {
    if (this.#program?.isRunning === true) return;
    // nginx numbers its connections from 1 again and would overwrite recordings of the same second.
    const recordings = this.#folder.file(`recordings-${++this.#restarts}`);
    await mkdir(recordings);
    const configuration = this.#folder.file('nginx.conf');
    await writeFile(configuration, this.#configuration(recordings));
    const program = Program.start('nginx', ['-p', this.#folder.path, '-c', configuration, '-e', 'error.log']);
    this.#program = program;
    const ended = program.result().then((result) => {
      throw new Error(`nginx did not start: ${result.stderr}`);
    });
    ended.catch(() => undefined);
    await Promise.race([ended, waitFor('nginx to listen', () => this.#accepts())]);
  }

  /** Kills it at once, as when its machine dies: no goodbye to anyone. */
  async kill(): Promise<void> {
    this.#program?.signal('SIGKILL');
    await this.#program?.result();
    for (const publish of this.publishes) publish.ended = true;
  }

  /** Stops it without closing anything: connections stay open and nobody reads them. */
  stall(): void {
    this.#program?.signal('SIGSTOP');
  }

  /** Ends {@link stall}. */
  resume(): void {
    this.#program?.signal('SIGCONT');
  }

  /** The publishes of one stream key, first to last. */
  publishesOf(streamKey: string): NginxPublish[] {
    return this.publishes.filter((publish) => publish.streamKey === streamKey);
  }

  /** Waits until a stream is being published and returns that publish. */
  published(streamKey: string, timeoutMs = 15_000): Promise<NginxPublish> {
    return waitFor(
      `${streamKey} to be published to nginx`,
      () => this.publishesOf(streamKey).find((publish) => !publish.ended),
      { timeoutMs, state: () => this.publishes },
    );
  }

  /** Waits until the only publish of a stream has ended and returns the path of its FLV. */
  async recordingOf(streamKey: string, timeoutMs = 15_000): Promise<string> {
    return waitFor(
      `the recording of ${streamKey}`,
      () => {
        const publishes = this.publishesOf(streamKey);
        if (publishes.length > 1) throw new Error(`${streamKey} was published ${publishes.length} times`);
        return publishes[0]?.recording;
      },
      { timeoutMs, state: () => this.publishes },
    );
  }

  async close(): Promise<void> {
    await this.#program?.close();
    this.#notify.closeAllConnections();
    await new Promise<void>((resolve) => this.#notify.close(() => resolve()));
    await this.#folder.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @returns the HTTP status for nginx: 2xx lets the client go on */
  #onNotify(fields: URLSearchParams): number {
    const connection = `${this.#restarts}.${fields.get('clientid') ?? ''}`;
    const app = fields.get('app') ?? '';
    const streamKey = fields.get('name') ?? '';
    const current = this.publishes.find(
      (publish) => publish.connection === connection && publish.streamKey === streamKey,
    );
    switch (fields.get('call')) {
      case 'connect':
        this.connections.push({ app, tcUrl: fields.get('tcurl') ?? '' });
        return 200;
      case 'publish':
        if (this.#options.refuse?.includes(streamKey) === true) return 403;
        this.publishes.push({ app, streamKey, connection, ended: false, recording: undefined });
        return 200;
      case 'publish_done':
        if (current !== undefined) current.ended = true;
        return 200;
      case 'record_done':
        if (current !== undefined) current.recording = fields.get('path') ?? undefined;
        return 200;
      default:
        return 200;
    }
  }

  #accepts(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }

  #configuration(recordings: string): string {
    if (!existsSync(modulePath)) throw new Error(`${modulePath} is missing: install libnginx-mod-rtmp`);
    const notify = `http://127.0.0.1:${(this.#notify.address() as AddressInfo).port}/`;
    return `
load_module ${modulePath};
daemon off;
master_process off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid nginx.pid;
error_log error.log info;
events { worker_connections 64; }
rtmp {
  server {
    listen 127.0.0.1:${this.port};
    chunk_size 4096;
    max_message 4M;
    on_connect ${notify};
    application live {
      live on;
      record all;
      record_path ${recordings};
      record_unique on;
      on_publish ${notify};
      on_publish_done ${notify};
      on_record_done ${notify};
      notify_method post;
    }
  }
}
`;
  }
}
