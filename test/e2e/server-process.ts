import { fileURLToPath } from 'node:url';
import { Program } from '../peers/program.js';
import { waitFor } from '../peers/wait-for.js';

const command = fileURLToPath(new URL('./serve-child.ts', import.meta.url));
/** Loading the sources through the TypeScript loader on a busy machine. */
const startTimeoutMs = 30_000;

export interface ServerProcessOptions {
  readonly stateFolder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** No file of the server may grow beyond this: what a full disk does to long files, and to them alone. */
  readonly fileLimitKiB?: number;
}

export interface ApiAnswer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** `anchornet serve` as a process of its own, so that it can be killed; seen from outside alone. */
export class ServerProcess {
  readonly #program: Program;
  readonly baseUrl: string;

  private constructor(program: Program, baseUrl: string) {
    this.#program = program;
    this.baseUrl = baseUrl;
  }

  static async start({ stateFolder, env, fileLimitKiB }: ServerProcessOptions): Promise<ServerProcess> {
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), command];
    const args = ['--http-port', '0', '--rtmp-port', '0', '--rtc-port', '0', '--state', stateFolder];
    const limited = `trap '' XFSZ; ulimit -f ${fileLimitKiB ?? 0}; exec "$@"`;
    const [name = '', ...rest] =
      fileLimitKiB === undefined ? [...node, ...args] : ['bash', '-c', limited, 'serve', ...node, ...args];
    const program = Program.start(name, rest, { env: { ...process.env, NO_COLOR: '1', ...env } });
    try {
      const baseUrl = await waitFor(
        'the server to be ready',
        () => /Dashboard\s+(http:\/\/\S+)\//.exec(program.stderr)?.[1],
        { timeoutMs: startTimeoutMs, state: () => program.stderr.slice(-2_000) },
      );
      return new ServerProcess(program, baseUrl);
    } catch (error) {
      await program.close();
      throw error;
    }
  }

  get pid(): number {
    return this.#program.pid;
  }

  get isRunning(): boolean {
    return this.#program.isRunning;
  }

  /** What it has logged. */
  get log(): string {
    return this.#program.stderr;
  }

  /** Calls the REST API as an administrator on this machine. */
  async api<Body>(method: string, path: string, body?: object): Promise<ApiAnswer<Body>> {
    const response = await fetch(`${this.baseUrl}/api/v1${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body };
  }

  /** Kills it at once, as a loss of power would. */
  async kill(): Promise<void> {
    this.#program.signal('SIGKILL');
    await this.#program.result();
  }

  close(): Promise<void> {
    return this.#program.close(10_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
