import { spawn, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const running = new Set<ChildProcess>();

// A test run that is cut short must leave nothing behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ProgramResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What to write to its standard input, which is then closed. */
  readonly input?: Buffer | AsyncIterable<Buffer>;
}

/** An outside program that a test runs: its output is kept, and it never outlives the test process. */
export class Program {
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  #stderr = '';
  #failure: Error | undefined;
  readonly #ended: Promise<void>;

  private constructor(
    readonly name: string,
    args: readonly string[],
    options: ProgramOptions,
  ) {
    this.#child = spawn(name, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: options.env ?? process.env,
    });
    running.add(this.#child);
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString('utf8')));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#failure = error;
        running.delete(this.#child);
        resolve();
      });
      this.#child.once('close', () => {
        running.delete(this.#child);
        resolve();
      });
    });
    if (options.input !== undefined) void this.#feed(options.input);
  }

  static start(name: string, args: readonly string[], options: ProgramOptions = {}): Program {
    return new Program(name, args, options);
  }

  /** @throws Error with the last of its stderr when it does not end with exit code 0 */
  static async run(
    name: string,
    args: readonly string[],
    options: ProgramOptions = {},
  ): Promise<ProgramResult> {
    const result = await Program.start(name, args, options).result();
    if (result.code !== 0) {
      throw new Error(
        `${name} ended with ${result.code ?? result.signal}: ${result.stderr.slice(-2_000)}\n${args.join(' ')}`,
      );
    }
    return result;
  }

  get pid(): number {
    if (this.#child.pid === undefined)
      throw new Error(`${this.name} did not start: ${String(this.#failure)}`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return running.has(this.#child);
  }

  /** What it has written to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** What it has written to stdout so far. */
  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. @throws Error when it could not be started at all */
  async result(): Promise<ProgramResult> {
    await this.#ended;
    if (this.#failure !== undefined) throw this.#failure;
    return {
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
      stdout: this.stdout,
      stderr: this.#stderr,
    };
  }

  /** Asks it to end, and after `graceMs` makes it. */
  async close(graceMs = 3_000): Promise<void> {
    if (!this.isRunning) return;
    const force = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    this.#child.kill('SIGTERM');
    // A stopped process handles no SIGTERM until it goes on.
    this.#child.kill('SIGCONT');
    await this.#ended;
    clearTimeout(force);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #feed(input: Buffer | AsyncIterable<Buffer>): Promise<void> {
    const stdin = this.#child.stdin;
    if (stdin === null) return;
    const chunks = Buffer.isBuffer(input) ? [input] : input;
    // The program may end before it has read all; its exit code tells.
    await pipeline(Readable.from(chunks), stdin).catch(() => undefined);
  }
}
