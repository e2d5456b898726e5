import { execFileSync } from 'node:child_process';
import { HEIGHT, PICTURE_RATE, WIDTH, type Luma } from './picture-materials.js';

/** How pictures are encoded, by the ffmpeg program's libx264. */
export interface PictureCoding {
  readonly name: string;
  readonly container: 'flv' | 'mp4';
  readonly options: readonly string[];
}

const group = ['-g', '60', '-sc_threshold', '0'];

/** From what a good encoder sends to what a poor line leaves. */
export const pictureCodings: readonly PictureCoding[] = [
  {
    name: 'crf18',
    container: 'flv',
    options: ['-preset', 'ultrafast', '-crf', '18', '-bf', '0', ...group],
  },
  { name: 'crf23-b', container: 'mp4', options: ['-preset', 'veryfast', '-crf', '23', '-bf', '3', ...group] },
  { name: 'crf28-b', container: 'flv', options: ['-preset', 'veryfast', '-crf', '28', '-bf', '2'] },
  { name: 'crf35', container: 'mp4', options: ['-preset', 'veryfast', '-crf', '35', '-bf', '0', ...group] },
  {
    name: 'cbr300k',
    container: 'flv',
    options: [
      ...['-preset', 'veryfast', '-tune', 'zerolatency', ...group],
      ...['-b:v', '300k', '-minrate', '300k', '-maxrate', '300k', '-bufsize', '300k'],
    ],
  },
];

const PIXELS = WIDTH * HEIGHT;
const PICTURE_BYTES = (PIXELS * 3) / 2;
const MAX_BYTES = 2 ** 30;

export function encodePictures(pictures: readonly Luma[], coding: PictureCoding, path: string): void {
  const raw = Buffer.alloc(pictures.length * PICTURE_BYTES, 128);
  for (const [n, luma] of pictures.entries()) raw.set(luma, n * PICTURE_BYTES);
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`];
  const args = ['-y', '-v', 'error', ...input, '-r', String(PICTURE_RATE), '-i', 'pipe:0'];
  execFileSync('ffmpeg', [...args, '-c:v', 'libx264', ...coding.options, path], { input: raw });
}

/** What viewers see. */
export function decodePictures(path: string): Luma[] {
  const args = ['-v', 'error', '-i', path, '-fps_mode', 'passthrough', '-pix_fmt', 'yuv420p'];
  const raw = execFileSync('ffmpeg', [...args, '-f', 'rawvideo', '-'], { maxBuffer: MAX_BYTES });
  return Array.from({ length: raw.length / PICTURE_BYTES }, (_, n) =>
    raw.subarray(n * PICTURE_BYTES, n * PICTURE_BYTES + PIXELS),
  );
}
