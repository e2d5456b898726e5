import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Program } from '../../test/peers/program.js';

const cache = fileURLToPath(new URL('../../node_modules/.cache/anchornet-bench/', import.meta.url));
const SECONDS = 4;
/** IDRs two seconds apart, as encoders do by themselves. */
const GOP = 60;
/** Over all renditions there is an IDR every so many pictures: a PLI is answered within 100 ms, as by a browser. */
const IDR_DISTANCE = 3;

/**
 * 720p30 of constant 2.5 Mb/s with Opus, in renditions whose IDRs lie at different places. Made once and kept.
 *
 * @param hue turns the colours, so that participants can be told apart
 */
export async function clip720p(name: string, hue: number): Promise<string[]> {
  const paths: string[] = [];
  for (let first = 0; first < GOP; first += IDR_DISTANCE) paths.push(`${cache}${name}-720p-${first}.mp4`);
  if (paths.every((path) => existsSync(path))) return paths;
  process.stderr.write(`making the clip ${name}, once …\n`);
  await mkdir(cache, { recursive: true });
  const source = `testsrc2=size=1280x720:rate=30:duration=${SECONDS},noise=alls=12:allf=t,hue=h=${hue}`;
  const x264 = [
    ...['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-profile:v', 'baseline'],
    ...['-threads', '1', '-b:v', '2500k', '-maxrate', '2500k', '-bufsize', '1250k'],
    ...['-g', String(GOP), '-keyint_min', '1', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
  ];
  const opus = ['-c:a', 'libopus', '-b:a', '96k', '-frame_duration', '20', '-application', 'lowdelay'];
  const making = (path: string): string => path.replace(/\.mp4$/, '.part.mp4');
  const outputs = paths.flatMap((path, i) => [
    ...['-map', '0:v', '-map', '1:a', ...x264, ...opus],
    ...[
      '-force_key_frames',
      `expr:eq(mod(n,${GOP}),${i * IDR_DISTANCE})`,
      '-t',
      String(SECONDS),
      making(path),
    ],
  ]);
  const sound = `sine=frequency=${300 + hue}:sample_rate=48000:duration=${SECONDS + 1},aformat=channel_layouts=stereo`;
  const input = ['-f', 'lavfi', '-i', source, '-f', 'lavfi', '-i', sound];
  await Program.run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...input, ...outputs]);
  for (const path of paths) await rename(making(path), path);
  return paths;
}
