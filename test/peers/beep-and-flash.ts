import { writeFile } from 'node:fs/promises';
import { Program } from './program.js';
import { TempDir } from './temp-dir.js';

/**
 * The media oracle: once a period the whole picture flashes white for {@link flashMs} and a tone beeps for as long,
 * both from the same instant. Every picture carries its own number as a bar code in its middle, and a quiet pilot
 * tone runs all the time, so that a judge finds what was lost, repeated or shifted on the way.
 */
export interface BeepAndFlash {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly seconds: number;
  readonly periodMs: number;
  /** When the first flash comes. */
  readonly phaseMs: number;
  readonly beepHz: number;
  readonly pilotHz: number;
  /** How much later than the flash the beep comes; negative: earlier. Planted to test the judge. */
  readonly beepLateMs: number;
  /** Luma amplitude of grain over the whole picture, which needs all the bit rate there is. */
  readonly grain: number;
  /** A span without pilot tone, planted to test the judge. */
  readonly dropout?: { readonly startMs: number; readonly endMs: number };
}

export const flashMs = 100;
export const beepAndFlashDefaults: BeepAndFlash = {
  width: 1280,
  height: 720,
  fps: 30,
  seconds: 10,
  periodMs: 1_000,
  phaseMs: 0,
  beepHz: 1_000,
  pilotHz: 300,
  beepLateMs: 0,
  grain: 0,
};

export const audioRate = 48_000;
const beepAmplitude = 0.5;
/** −34 dB: far above the noise of a coder at these rates, far below the beep. */
const pilotAmplitude = 0.02;
const rampSamples = 96;
export const flashLuma = 235;
export const darkLuma = 16;

/** Where the bar code lies, in fractions of the picture. Inside the middle half, so that a crop to 8:9 keeps it. */
export const barCode = { left: 0.26, right: 0.74, top: 0.44, bottom: 0.56, bits: 16 } as const;

/** The luma plane of picture `index`: `height` rows of `width` bytes. */
export function lumaOf(clip: BeepAndFlash, index: number): Buffer {
  const { width, height } = clip;
  const plane = Buffer.alloc(width * height);
  const timeMs = (index * 1_000) / clip.fps;
  const flash = positiveModulo(timeMs - clip.phaseMs, clip.periodMs) < flashMs;
  const row = Buffer.alloc(width);
  for (let x = 0; x < width; x++) {
    row[x] = flash ? flashLuma : 70 + Math.round(30 * Math.sin((x + index * 6) / 40));
  }
  for (let y = 0; y < height; y++) row.copy(plane, y * width);
  if (clip.grain > 0) addGrain(plane, clip.grain, index);
  drawBarCode(plane, clip, index);
  return plane;
}

function positiveModulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

/** A linear congruential generator: the same grain each time. */
function addGrain(plane: Buffer, amplitude: number, seed: number): void {
  let state = seed;
  for (let i = 0; i < plane.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const luma = (plane[i] ?? 0) + ((state >> 16) % (amplitude + 1));
    plane[i] = Math.min(flashLuma, Math.max(darkLuma, luma));
  }
}

/** Two guard cells (white, black), then the number's bits, most significant first, white for 1. */
function drawBarCode(plane: Buffer, { width, height }: BeepAndFlash, index: number): void {
  const cells = [1, 0];
  for (let bit = barCode.bits - 1; bit >= 0; bit--) cells.push((index >> bit) & 1);
  const left = Math.round(barCode.left * width);
  const cellWidth = ((barCode.right - barCode.left) * width) / cells.length;
  const [top, bottom] = [Math.round(barCode.top * height), Math.round(barCode.bottom * height)];
  cells.forEach((cell, i) => {
    const start = left + Math.round(i * cellWidth);
    const end = left + Math.round((i + 1) * cellWidth);
    for (let y = top; y < bottom; y++)
      plane.fill(cell === 1 ? flashLuma : darkLuma, y * width + start, y * width + end);
  });
}

/** The whole of the clip's sound: mono, full scale ±1, at {@link audioRate}. */
export function soundOf(clip: BeepAndFlash): Float32Array {
  const sound = new Float32Array(clip.seconds * audioRate);
  const period = (clip.periodMs * audioRate) / 1_000;
  const late = Math.round(((clip.phaseMs + clip.beepLateMs) * audioRate) / 1_000);
  const beepLength = (flashMs * audioRate) / 1_000;
  for (let n = 0; n < sound.length; n++) {
    const ms = (n * 1_000) / audioRate;
    const dropped = clip.dropout !== undefined && ms >= clip.dropout.startMs && ms < clip.dropout.endMs;
    let value = dropped ? 0 : pilotAmplitude * Math.sin((2 * Math.PI * clip.pilotHz * n) / audioRate);
    const intoBeep = positiveModulo(n - late, period);
    if (intoBeep < beepLength) {
      const ramp = Math.min(1, intoBeep / rampSamples, (beepLength - intoBeep) / rampSamples);
      value += beepAmplitude * ramp * Math.sin((2 * Math.PI * clip.beepHz * n) / audioRate);
    }
    sound[n] = value;
  }
  return sound;
}

export interface ClipFormat {
  /** `baseline`: constrained baseline without B-frames, as browsers send. `main-b`: with two B-frames, as OBS sends. */
  readonly video?: 'baseline' | 'main-b' | 'mjpeg' | 'none';
  readonly audio?: 'aac' | 'opus' | 'pcm' | 'none';
  readonly gopFrames?: number;
  /** Length of the first GOP, to have the IDRs elsewhere than another rendition of the clip has them. */
  readonly firstGopFrames?: number;
  readonly videoBitrateBps?: number;
}

/** Writes the clip to `path`, whose extension says the container. */
export async function writeBeepAndFlash(
  path: string,
  options: Partial<BeepAndFlash> = {},
  format: ClipFormat = {},
): Promise<BeepAndFlash> {
  const clip = { ...beepAndFlashDefaults, ...options };
  const { video = 'baseline', audio = 'aac', gopFrames = clip.fps, videoBitrateBps = 1_500_000 } = format;
  await using folder = await TempDir.open('clip');
  const wave = folder.file('sound.f32');
  const sound = soundOf(clip);
  await writeFile(wave, Buffer.from(sound.buffer, sound.byteOffset, sound.byteLength));
  const { firstGopFrames = gopFrames } = format;
  const gop = [
    ...['-g', String(gopFrames), '-keyint_min', '1', '-sc_threshold', '0'],
    ...['-force_key_frames', `expr:eq(mod(n-${firstGopFrames},${gopFrames}),0)`],
  ];
  const x264 = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-threads',
    '1',
    '-b:v',
    String(videoBitrateBps),
    ...gop,
  ];
  const videoCodec = {
    baseline: [...x264, '-profile:v', 'baseline', '-bf', '0'],
    'main-b': [...x264, '-profile:v', 'main', '-bf', '2', '-b_strategy', '0'],
    mjpeg: ['-c:v', 'mjpeg', '-q:v', '5'],
    none: ['-vn'],
  }[video];
  const audioCodec = {
    aac: ['-c:a', 'aac', '-b:a', '128k'],
    opus: ['-c:a', 'libopus', '-b:a', '96k', '-frame_duration', '20', '-application', 'lowdelay'],
    pcm: ['-c:a', 'pcm_s16le'],
    none: ['-an'],
  }[audio];
  await Program.run(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-y'],
      ...['-f', 'rawvideo', '-pix_fmt', 'gray', '-video_size', `${clip.width}x${clip.height}`],
      ...['-framerate', String(clip.fps), '-i', 'pipe:0'],
      ...['-f', 'f32le', '-ar', String(audioRate), '-ac', '1', '-i', wave],
      ...['-map', '0:v', '-map', '1:a', '-ac', '2', '-pix_fmt', video === 'mjpeg' ? 'yuvj420p' : 'yuv420p'],
      ...videoCodec,
      ...audioCodec,
      path,
    ],
    { input: pictures(clip, video === 'none' ? 0 : clip.seconds * clip.fps) },
  );
  return clip;
}

async function* pictures(clip: BeepAndFlash, count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) yield await Promise.resolve(lumaOf(clip, index));
}
