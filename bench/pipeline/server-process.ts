import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../../test/peers/wait-for.js';
import { childProcess } from './process-figures.js';

const defaultBin = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const START_TIMEOUT_MS = 60_000;

export interface ServerProcessOptions {
  /** State and recordings, and what the probe writes. */
  readonly folder: string;
  /** Another build of the command line. */
  readonly bin?: string | undefined;
}

/** The system under test: `anchornet serve` in a process of its own, with a probe in it and in its children. */
export class ServerProcess {
  readonly baseUrl: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, baseUrl: string) {
    this.#child = child;
    this.baseUrl = baseUrl;
  }

  /** @throws Error when it is not built, or does not start */
  static async open({ folder, bin = defaultBin }: ServerProcessOptions): Promise<ServerProcess> {
    if (!existsSync(fileURLToPath(new URL('../dist/commands/serve.js', `file://${bin}`)))) {
      throw new Error(`${bin} is not built: run \`npm run build\` first`);
    }
    const logLevel = process.env['ANCHORNET_BENCH_LOG'] ?? 'warn';
    const ports = ['--http-port', '0', '--rtmp-port', '0', '--rtc-port', '0'];
    const probe = new URL('./probe.mjs', import.meta.url).href;
    const child = spawn(
      process.execPath,
      [bin, 'serve', ...ports, '--state', folder, '--log-level', logLevel],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: `--import ${probe}`, ANCHORNET_PROBE: folder, NO_COLOR: '1' },
      },
    );
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
    child.once('exit', () => process.off('exit', kill));
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.includes('Ctrl-C')) process.stderr.write(chunk);
      else said += chunk.toString('utf8');
    });
    const address = await waitFor(
      'the server to be ready',
      () => {
        if (child.exitCode !== null) throw new Error(said);
        return /Dashboard\s+(http:\/\/[^/]+)/.exec(said.includes('Ctrl-C') ? said : '')?.[1];
      },
      { timeoutMs: START_TIMEOUT_MS },
    );
    return new ServerProcess(child, address);
  }

  get mainPid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** Of the one room that is on air. */
  roomPid(): Promise<number> {
    return waitFor('a room process', () => childProcess(this.mainPid, 'room/child'));
  }

  /** Begins a CPU profile in main and room process, or ends and writes it. */
  async toggleProfile(): Promise<void> {
    for (const pid of [this.mainPid, await this.roomPid()]) process.kill(pid, 'SIGUSR2');
  }

  /** @throws Error when the answer is not 2xx */
  async call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.baseUrl}/api/v1${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as Answer;
  }

  /** One figure of /metrics, summed over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.baseUrl}/metrics`)).text();
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(force);
  }
}
