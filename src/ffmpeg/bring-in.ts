import { resolve } from 'node:path';
import { probeFile } from './probe.js';
import { fileArgument, runFfmpeg } from './run.js';

/** Visually lossless at this; the file lives only as long as the work on it. */
const NEAR_LOSSLESS_CRF = '14';

/**
 * Brings a file of any kind that ffmpeg reads into an MP4 of H.264 and AAC: streams that are that already are copied,
 * others encoded.
 *
 * @throws InvalidOptionError when there is no such file
 * @throws UnsupportedMediaError when there is nothing in it that ffmpeg can read
 * @throws NativeError when ffmpeg fails
 */
export async function bringIntoMp4(
  source: string,
  target: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { streams } = await probeFile(source, options);
  const video = streams.find((stream) => stream.kind === 'video');
  const audio = streams.find((stream) => stream.kind === 'audio');
  const args = ['-y', '-v', 'error', '-i', fileArgument(resolve(source))];
  if (video !== undefined) args.push('-map', '0:v:0');
  if (audio !== undefined) args.push('-map', '0:a:0');
  if (video?.codec === 'h264') args.push('-c:v', 'copy');
  else if (video !== undefined) {
    // H.264 in 4:2:0 has even sides.
    const even = 'scale=trunc(iw/2)*2:trunc(ih/2)*2';
    args.push('-c:v', 'libx264', '-preset', 'ultrafast', '-crf', NEAR_LOSSLESS_CRF);
    args.push('-pix_fmt', 'yuv420p', '-vf', even);
  }
  if (audio?.codec === 'aac') args.push('-c:a', 'copy', '-bsf:a', 'aac_adtstoasc');
  else if (audio !== undefined) args.push('-c:a', 'aac', '-b:a', '256k', '-ac', '2');
  args.push('-f', 'mp4', fileArgument(resolve(target)));
  await runFfmpeg(args, { signal: options.signal, timeoutMs: 4 * 3600_000 });
}
