import { resolve } from 'node:path';
import { UnsupportedMediaError } from '../base/errors.js';
import { openInput } from '../base/input-file.js';
import { fileArgument, runFfmpeg } from './run.js';

export interface ProbedVideo {
  readonly kind: 'video';
  /** ffmpeg's name, e.g. `h264`, `vp9`. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Pictures per second, where it is known. */
  readonly fps: number | undefined;
}

export interface ProbedAudio {
  readonly kind: 'audio';
  readonly codec: string;
  readonly sampleRate: number;
  /** As ffmpeg names it: `mono`, `stereo`, `5.1`… */
  readonly layout: string;
}

export interface ProbedFile {
  /** ffmpeg's names of the container, e.g. `matroska,webm`. */
  readonly format: string;
  readonly durationMs: number | undefined;
  readonly streams: readonly (ProbedVideo | ProbedAudio)[];
}

/**
 * What a file holds, in ffmpeg's eyes.
 *
 * @throws InvalidOptionError when there is no such file
 * @throws UnsupportedMediaError when ffmpeg cannot read it, or it holds neither pictures nor sound
 */
export async function probeFile(path: string, options: { signal?: AbortSignal } = {}): Promise<ProbedFile> {
  await (await openInput(path)).close();
  const { stderr } = await runFfmpeg(['-i', fileArgument(resolve(path))], {
    allowFailure: true,
    timeoutMs: 60_000,
    signal: options.signal,
  });
  const probed = parseBanner(stderr);
  if (probed.streams.length === 0) {
    throw new UnsupportedMediaError(`${path}: ffmpeg finds neither pictures nor sound in it`);
  }
  return probed;
}

/** Reads the description of the first input that `ffmpeg -i` prints. */
export function parseBanner(text: string): ProbedFile {
  const format = /^Input #0, (.+), from /m.exec(text)?.[1] ?? '';
  const duration = /Duration: (\d+):(\d\d):(\d\d)\.(\d+)/.exec(text);
  const streams: (ProbedVideo | ProbedAudio)[] = [];
  for (const [, kind, codec = '', rest = ''] of text.matchAll(
    /^ *Stream #0:\d+.*?: (Video|Audio): (\w+)(.*)$/gm,
  )) {
    if (kind === 'Video') {
      const size = /, (\d{2,5})x(\d{2,5})\b/.exec(rest);
      // Cover art is a picture, not pictures.
      if (size === null || rest.includes('attached pic')) continue;
      const fps = /, ([\d.]+) fps/.exec(rest)?.[1];
      streams.push({
        kind: 'video',
        codec,
        width: Number(size[1]),
        height: Number(size[2]),
        fps: fps === undefined ? undefined : Number(fps),
      });
    } else {
      const sound = /, (\d+) Hz, ([^,]+)/.exec(rest);
      if (sound === null) continue;
      streams.push({ kind: 'audio', codec, sampleRate: Number(sound[1]), layout: sound[2]! });
    }
  }
  return { format, durationMs: duration === null ? undefined : milliseconds(duration), streams };
}

function milliseconds([, hours, minutes, seconds, fraction]: RegExpExecArray): number {
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return whole * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
}
