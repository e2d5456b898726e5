import { spawnSync } from 'node:child_process';

/** @throws Error with the end of what it said, when it fails */
export function ffmpeg(
  path: string,
  filters: readonly string[],
  output: readonly string[] = ['-f', 'null', '-'],
): { readonly stdout: Buffer; readonly stderr: Buffer } {
  const args = ['-hide_banner', '-nostats', '-i', path, ...filters, ...output];
  const { stdout, stderr, status } = spawnSync('ffmpeg', args, { maxBuffer: 2 ** 29 });
  if (status !== 0) throw new Error(`ffmpeg on ${path}: ${stderr.toString().slice(-500)}`);
  return { stdout, stderr };
}

/** The sound of a file after a filter, left and right in turn, full scale 1. */
export function samplesOf(path: string, filter: string): Float32Array {
  const { stdout } = ffmpeg(path, ['-af', filter, '-vn', '-ac', '2'], ['-f', 'f32le', '-']);
  return new Float32Array(stdout.buffer, stdout.byteOffset, Math.floor(stdout.length / 4));
}
