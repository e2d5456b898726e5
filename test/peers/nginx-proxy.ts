import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { freeTcpPort } from './free-port.js';
import { Program } from './program.js';
import { TempDir } from './temp-dir.js';
import { waitFor } from './wait-for.js';

/** A real reverse proxy: nginx before one HTTP server. */
export class NginxProxy {
  readonly #folder: TempDir;
  readonly #program: Program;

  private constructor(
    folder: TempDir,
    program: Program,
    readonly baseUrl: string,
  ) {
    this.#folder = folder;
    this.#program = program;
  }

  /** @param lines of the configuration beside `proxy_pass`; without any, nginx proxies as it comes */
  static async open(options: {
    readonly to: string;
    readonly lines?: readonly string[];
  }): Promise<NginxProxy> {
    const folder = await TempDir.open('nginx-proxy');
    const port = await freeTcpPort();
    const configuration = folder.file('nginx.conf');
    await writeFile(
      configuration,
      `daemon off; master_process off; pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${options.to};
      ${(options.lines ?? []).join('\n      ')}
    }
  }
}
`,
    );
    const program = Program.start('nginx', ['-p', folder.path, '-c', configuration, '-e', 'error.log']);
    const proxy = new NginxProxy(folder, program, `http://127.0.0.1:${port}`);
    const ended = program.result().then((result) => {
      throw new Error(`nginx did not start: ${result.stderr}`);
    });
    ended.catch(() => undefined);
    await Promise.race([ended, waitFor('nginx to listen', () => accepts(port))]);
    return proxy;
  }

  async close(): Promise<void> {
    await this.#program.close();
    await this.#folder.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => socket.destroy());
    socket.once('connect', () => socket.end());
  });
}
