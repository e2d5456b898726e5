import { spawn } from 'node:child_process';
import { CancelledError, InvalidOptionError, NativeError } from '../base/errors.js';
import { ffmpegPath } from './program.js';

export interface RunFfmpegOptions {
  readonly signal?: AbortSignal | undefined;
  /** Given to the program's standard input (`pipe:0`). */
  readonly input?: Buffer | undefined;
  /** The program is killed when it takes longer. */
  readonly timeoutMs?: number | undefined;
  /** What is kept of standard output; more is an error. */
  readonly maxOutputBytes?: number | undefined;
  /** An exit code other than 0 is not an error (`ffmpeg -i` alone ends with 1). */
  readonly allowFailure?: boolean | undefined;
}

export interface FfmpegResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** The end of standard error. */
  readonly stderr: string;
}

const DEFAULT_TIMEOUT_MS = 10 * 60_000;
const DEFAULT_MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const KEPT_STDERR_CHARS = 64 * 1024;
const QUOTED_LINES = 4;

/**
 * Runs the ffmpeg program on files and pipes. Networks are out of its reach: addresses are refused here, and its
 * protocols are limited to `file` and `pipe` for what the files themselves refer to.
 *
 * @param args without the program's name; `-nostdin` and `-hide_banner` are added
 * @throws InvalidOptionError for a network address among the arguments
 * @throws CancelledError when the signal aborts
 * @throws NativeError when the program cannot be run, fails, takes too long or puts out too much; the message ends with
 *   the last lines that it wrote
 */
export async function runFfmpeg(
  args: readonly string[],
  options: RunFfmpegOptions = {},
): Promise<FfmpegResult> {
  const { input, allowFailure = false } = options;
  const program = await ffmpegPath();
  const guarded = [...(input === undefined ? ['-nostdin'] : []), '-hide_banner', ...withoutNetwork(args)];
  const result = await collect(program, guarded, options);
  if (result.exitCode !== 0 && !allowFailure) {
    throw new NativeError(`ffmpeg ended with ${result.exitCode}: ${lastLines(result.stderr)}`);
  }
  return result;
}

/** A path as ffmpeg takes it without guessing at protocols, options or patterns. */
export function fileArgument(path: string): string {
  return `file:${path}`;
}

function withoutNetwork(args: readonly string[]): string[] {
  const guarded: string[] = [];
  for (const arg of args) {
    if (/^(?!file:|pipe:)[a-z][a-z0-9+.-]*:\/\//i.test(arg)) {
      throw new InvalidOptionError(`ffmpeg: expected files, got the address ${arg}`);
    }
    // An input option, so once for each input.
    if (arg === '-i') guarded.push('-protocol_whitelist', 'file,pipe');
    guarded.push(arg);
  }
  return guarded;
}

function collect(program: string, args: readonly string[], options: RunFfmpegOptions): Promise<FfmpegResult> {
  const { signal, input, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const maxOutputBytes = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    let outputBytes = 0;
    let stderr = '';
    let failure: Error | undefined;
    // It hangs past SIGTERM when a pipe is stuck.
    const stop = (error: Error): void => {
      failure ??= error;
      child.kill('SIGKILL');
    };
    const cancel = (): void => stop(new CancelledError('ffmpeg: cancelled'));
    const timer = setTimeout(
      () => stop(new NativeError(`ffmpeg took longer than ${timeoutMs} ms: ${lastLines(stderr)}`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', cancel, { once: true });
    // It may have fired while the program was being looked for.
    if (signal?.aborted === true) cancel();
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      outputBytes += chunk.length;
      if (outputBytes > maxOutputBytes) {
        stop(new NativeError(`ffmpeg: expected at most ${maxOutputBytes} bytes of output, got more`));
      } else {
        chunks.push(chunk);
      }
    });
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_STDERR_CHARS);
    });
    child.once('error', (cause) => {
      settle();
      reject(new NativeError(`ffmpeg cannot be run: ${cause.message}`, { cause }));
    });
    child.once('close', (code, killedBy) => {
      settle();
      if (failure !== undefined) reject(failure);
      else if (code === null) {
        reject(new NativeError(`ffmpeg was ended by ${String(killedBy)}: ${lastLines(stderr)}`));
      } else resolve({ exitCode: code, stdout: Buffer.concat(chunks), stderr });
    });
    // The program may end before it has read everything; its exit code tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function lastLines(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return lines.slice(-QUOTED_LINES).join(' | ');
}
