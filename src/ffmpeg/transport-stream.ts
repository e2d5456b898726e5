import { runFfmpeg } from './run.js';

/** A segment is of seconds; ffmpeg needs a fraction of one. */
const LIMIT_MS = 60_000;
/**
 * Added to all times: those in the last minute before they wrap, ffmpeg takes for negative ones, which FLV has not.
 * With some seconds to spare.
 */
const OFFSET_SECONDS = 70;

/**
 * The first pictures and sound of an MPEG transport stream as an FLV: nothing encoded anew, times kept (to the
 * millisecond, and all put off by the same), pictures before the first IDR too.
 *
 * @throws NativeError when ffmpeg cannot read it; CancelledError when the signal aborts
 */
export async function transportStreamToFlv(
  bytes: Buffer,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Buffer> {
  const read = ['-v', 'error', '-copyts', '-f', 'mpegts', '-i', 'pipe:0'];
  const tracks = ['-map', '0:v:0?', '-map', '0:a:0?', '-c', 'copy', '-copyinkf', '-bsf:a', 'aac_adtstoasc'];
  const write = [
    '-flvflags',
    'no_duration_filesize',
    '-output_ts_offset',
    String(OFFSET_SECONDS),
    '-f',
    'flv',
    'pipe:1',
  ];
  const { stdout } = await runFfmpeg([...read, ...tracks, ...write], {
    signal: options.signal,
    input: bytes,
    timeoutMs: LIMIT_MS,
  });
  return stdout;
}
