/** What people join files with today, and how files are made and read for it: Debian's ffmpeg. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FileFormat {
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitrateBps: number;
}

const MAX_BYTES = 2 ** 30;

function ffmpeg(args: readonly string[], input?: Buffer): Buffer {
  const guarded = input === undefined ? ['-nostdin', ...args] : args;
  return execFileSync('ffmpeg', ['-y', '-v', 'error', ...guarded], { input, maxBuffer: MAX_BYTES });
}

/** An M4A by ffmpeg's own encoder, with an edit list for its priming. */
export function encodeFile(path: string, sound: readonly Float32Array[], format: FileFormat): void {
  const [first] = sound;
  const interleaved = new Float32Array(first!.length * sound.length);
  for (const [channel, samples] of sound.entries()) {
    for (let i = 0; i < samples.length; i++) interleaved[i * sound.length + channel] = samples[i]!;
  }
  const raw = ['-f', 'f32le', '-ar', String(format.sampleRate), '-ac', String(format.channels)];
  ffmpeg([...raw, '-i', 'pipe:0', ...encoder(format), path], Buffer.from(interleaved.buffer));
}

/** One array per channel, from a sample of the presented sound on. */
export function decodeFile(path: string, channels: number, { from = 0 } = {}): Float32Array[] {
  const bytes = ffmpeg(['-i', path, '-af', `atrim=start_sample=${from}`, '-f', 'f32le', 'pipe:1']);
  const frames = Math.floor(bytes.length / 4 / channels);
  return Array.from({ length: channels }, (_, channel) =>
    Float32Array.from({ length: frames }, (_unused, i) => bytes.readFloatLE(4 * (i * channels + channel))),
  );
}

export function concatDemuxer(inputs: readonly string[], folder: string): string {
  const list = join(folder, 'list.txt');
  writeFileSync(list, inputs.map((path) => `file '${path}'\n`).join(''));
  const output = join(folder, 'demuxer.m4a');
  ffmpeg(['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', output]);
  return output;
}

export function concatenatedAdts(inputs: readonly string[], folder: string): string {
  const output = join(folder, 'concatenated.aac');
  const parts = inputs.map((path, i) => {
    const part = join(folder, `part${i}.aac`);
    ffmpeg(['-i', path, '-c', 'copy', part]);
    return readFileSync(part);
  });
  writeFileSync(output, Buffer.concat(parts));
  return output;
}

export function concatFilter(inputs: readonly string[], folder: string, format: FileFormat): string {
  const output = join(folder, 'filter.m4a');
  const files = inputs.flatMap((path) => ['-i', path]);
  const filter = ['-filter_complex', `concat=n=${inputs.length}:v=0:a=1`];
  ffmpeg([...files, ...filter, ...encoder(format), output]);
  return output;
}

function encoder({ bitrateBps }: FileFormat): string[] {
  return ['-c:a', 'aac', '-b:a', String(bitrateBps)];
}
