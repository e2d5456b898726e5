import { barCode, darkLuma, flashLuma, flashMs } from './beep-and-flash.js';
import { Program } from './program.js';

/** A part of the picture in fractions of it. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const wholePicture: Region = { x: 0, y: 0, width: 1, height: 1 };

/** A decoded picture, reduced to {@link reducedWidth} × {@link reducedHeight} luma samples, row by row. */
export interface LumaPicture {
  readonly ptsMs: number;
  readonly luma: Buffer;
}

const reducedWidth = 160;
const reducedHeight = 90;
const pictureBytes = reducedWidth * reducedHeight;

/** Decodes every picture of a file, in presentation order, with the times it is to be shown at. */
export async function decodePictures(path: string): Promise<LumaPicture[]> {
  const { stdout, stderr } = await Program.run('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-v', 'info', '-nostats', '-copyts', '-i', path, '-map', '0:v:0'],
    ...[
      '-fps_mode',
      'passthrough',
      '-vf',
      `showinfo=checksum=0,scale=${reducedWidth}:${reducedHeight}:flags=area,format=gray`,
    ],
    ...['-f', 'rawvideo', 'pipe:1'],
  ]);
  const times = shownTimes(stderr, /showinfo.*\bpts_time:\s*(\S+)/);
  const count = stdout.length / pictureBytes;
  if (count !== times.length)
    throw new Error(`ffmpeg decoded ${count} pictures but showed ${times.length} times`);
  return times.map((ptsMs, i) => ({
    ptsMs,
    luma: stdout.subarray(i * pictureBytes, (i + 1) * pictureBytes),
  }));
}

/** Decoded sound with the time of each run of samples that decoded as one. */
export interface DecodedSound {
  readonly sampleRate: number;
  /** All channels averaged, full scale ±1. */
  readonly samples: Float32Array;
  /** First sample index and time of every decoded frame. */
  readonly frames: readonly { readonly start: number; readonly ptsMs: number }[];
}

/** Decodes the sound of a file to mono. */
export async function decodeSound(path: string, sampleRate = 48_000): Promise<DecodedSound> {
  const { stdout, stderr } = await Program.run('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-v', 'info', '-nostats', '-copyts', '-i', path, '-map', '0:a:0'],
    ...['-af', `aformat=sample_fmts=fltp:sample_rates=${sampleRate}:channel_layouts=mono,ashowinfo`],
    ...['-f', 'f32le', 'pipe:1'],
  ]);
  const times = shownTimes(stderr, /ashowinfo.*\bpts_time:\s*(\S+)/);
  const counts = [...stderr.matchAll(/ashowinfo.*\bnb_samples:\s*(\d+)/g)].map((match) => Number(match[1]));
  const frames: { start: number; ptsMs: number }[] = [];
  let start = 0;
  times.forEach((ptsMs, i) => {
    frames.push({ start, ptsMs });
    start += counts[i] ?? 0;
  });
  const samples = new Float32Array(
    stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.byteLength),
  );
  if (samples.length !== start)
    throw new Error(`ffmpeg decoded ${samples.length} samples but showed ${start}`);
  return { sampleRate, samples, frames };
}

function shownTimes(stderr: string, pattern: RegExp): number[] {
  return stderr
    .split('\n')
    .map((line) => pattern.exec(line)?.[1])
    .filter((time) => time !== undefined)
    .map((time) => Number(time) * 1_000);
}

/** Mean luma of a part of a picture, 0…255. */
function meanLuma(picture: LumaPicture, region: Region = wholePicture): number {
  const [left, right] = [
    Math.round(region.x * reducedWidth),
    Math.round((region.x + region.width) * reducedWidth),
  ];
  const [top, bottom] = [
    Math.round(region.y * reducedHeight),
    Math.round((region.y + region.height) * reducedHeight),
  ];
  let sum = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) sum += picture.luma[y * reducedWidth + x] ?? 0;
  }
  return sum / Math.max(1, (right - left) * (bottom - top));
}

/** Times at which a part of the picture turns bright. A bright first picture is no onset: its true start is unknown. */
export function flashOnsets(pictures: readonly LumaPicture[], region: Region = wholePicture): number[] {
  const threshold = 165;
  const onsets: number[] = [];
  let bright = true;
  for (const picture of pictures) {
    const now = meanLuma(picture, region) > threshold;
    if (now && !bright) onsets.push(picture.ptsMs);
    bright = now;
  }
  return onsets;
}

/** By so much a beep may seem shorter than it is: its ends are ramps, blurred by a coder. */
const shortBeepMs = 10;

/** Amplitude of one frequency over time: one value per {@link toneHop} samples, window of {@link toneWindow}. */
const toneHop = 48;
const toneWindow = 960;
/** Hann: keeps the loud beep out of the quiet pilot's band. Scaled so that a steady tone has its own amplitude. */
const hann = Float64Array.from(
  { length: toneWindow },
  (_, n) => (2 * (1 - Math.cos((2 * Math.PI * (n + 0.5)) / toneWindow))) / toneWindow,
);

function toneAmplitudes({ samples, sampleRate }: DecodedSound, frequencyHz: number): Float32Array {
  const count = Math.max(0, Math.floor((samples.length - toneWindow) / toneHop) + 1);
  const amplitudes = new Float32Array(count);
  const coefficient = 2 * Math.cos((2 * Math.PI * frequencyHz) / sampleRate);
  for (let i = 0; i < count; i++) {
    let [s1, s2] = [0, 0];
    for (let n = 0; n < toneWindow; n++) {
      const s0 = (samples[i * toneHop + n] ?? 0) * (hann[n] ?? 0) + coefficient * s1 - s2;
      s2 = s1;
      s1 = s0;
    }
    amplitudes[i] = Math.sqrt(Math.max(0, s1 * s1 + s2 * s2 - coefficient * s1 * s2));
  }
  return amplitudes;
}

/** Time of sample `index` by the frame it was decoded in. */
function timeOfSample(sound: DecodedSound, index: number): number {
  let [low, high] = [0, sound.frames.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sound.frames[middle]?.start ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  const frame = sound.frames[low] ?? { start: 0, ptsMs: 0 };
  return frame.ptsMs + ((index - frame.start) * 1_000) / sound.sampleRate;
}

/** Times at which a tone starts, to about a millisecond. A tone that sounds from the first sample is no onset. */
export function beepOnsets(sound: DecodedSound, frequencyHz: number): number[] {
  return beeps(sound, frequencyHz).map(({ startMs }) => startMs);
}

/** The onsets of those beeps only that sound from their beginning to their end. */
export function wholeBeepOnsets(sound: DecodedSound, frequencyHz: number): number[] {
  return beeps(sound, frequencyHz)
    .filter(({ startMs, endMs }) => endMs - startMs > flashMs - shortBeepMs)
    .map(({ startMs }) => startMs);
}

function beeps(sound: DecodedSound, frequencyHz: number): { startMs: number; endMs: number }[] {
  const amplitudes = toneAmplitudes(sound, frequencyHz);
  const peak = amplitudes.reduce((most, value) => Math.max(most, value), 0);
  // A tone that begins in the middle of the window has half its amplitude: the onset is at the window's middle.
  const [rise, fall] = [peak / 2, peak / 4];
  const spans: { startMs: number; endMs: number }[] = [];
  let sounding = true;
  let startMs: number | undefined;
  const timeOf = (i: number): number => timeOfSample(sound, i * toneHop + toneWindow / 2);
  amplitudes.forEach((amplitude, i) => {
    if (!sounding && amplitude >= rise) {
      startMs = timeOf(i);
      sounding = true;
    } else if (sounding && amplitude < fall) {
      if (startMs !== undefined) spans.push({ startMs, endMs: timeOf(i) });
      startMs = undefined;
      sounding = false;
    }
  });
  if (sounding && startMs !== undefined)
    spans.push({ startMs, endMs: timeOfSample(sound, sound.samples.length) });
  return peak < 0.01 ? [] : spans;
}

/** Spans, in milliseconds, in which a tone that should run all the time is not heard. */
export function toneDropouts(
  sound: DecodedSound,
  frequencyHz: number,
  minimumAmplitude: number,
): { startMs: number; endMs: number }[] {
  const spans: { startMs: number; endMs: number }[] = [];
  let start: number | undefined;
  const amplitudes = toneAmplitudes(sound, frequencyHz);
  amplitudes.forEach((amplitude, i) => {
    const time = timeOfSample(sound, i * toneHop + toneWindow / 2);
    if (amplitude < minimumAmplitude) start ??= time;
    else if (start !== undefined) {
      spans.push({ startMs: start, endMs: time });
      start = undefined;
    }
  });
  if (start !== undefined) {
    spans.push({ startMs: start, endMs: timeOfSample(sound, sound.samples.length - 1) });
  }
  return spans;
}

export interface Skew {
  readonly flashMs: number;
  /** Beep minus flash: positive when the sound is late. */
  readonly skewMs: number;
}

/** Pairs each flash with the nearest beep. A flash without a beep within `withinMs` has no pair. */
export function pairSkews(flashes: readonly number[], beeps: readonly number[], withinMs = 400): Skew[] {
  const pairs: Skew[] = [];
  for (const flashMs of flashes) {
    let skewMs = Number.POSITIVE_INFINITY;
    for (const beep of beeps) if (Math.abs(beep - flashMs) < Math.abs(skewMs)) skewMs = beep - flashMs;
    if (Math.abs(skewMs) <= withinMs) pairs.push({ flashMs, skewMs });
  }
  return pairs;
}

/**
 * The picture's own number from its bar code.
 *
 * @param region where the whole source picture lies; beyond [0, 1] when it was cropped
 * @returns undefined when the guard cells cannot be read
 */
export function pictureNumber(picture: LumaPicture, region: Region = wholePicture): number | undefined {
  const cells = barCode.bits + 2;
  const y = region.y + ((barCode.top + barCode.bottom) / 2) * region.height;
  const cellWidth = (barCode.right - barCode.left) / cells;
  const lumaOfCell = (cell: number): number => {
    const x = region.x + (barCode.left + (cell + 0.5) * cellWidth) * region.width;
    const column = Math.min(reducedWidth - 1, Math.max(0, Math.floor(x * reducedWidth)));
    const row = Math.min(reducedHeight - 1, Math.max(0, Math.floor(y * reducedHeight)));
    return picture.luma[row * reducedWidth + column] ?? 0;
  };
  const [white, black] = [lumaOfCell(0), lumaOfCell(1)];
  if (white - black < (flashLuma - darkLuma) / 3) return undefined;
  const middle = (white + black) / 2;
  let number = 0;
  for (let cell = 2; cell < cells; cell++) number = number * 2 + (lumaOfCell(cell) > middle ? 1 : 0);
  return number;
}

/** The longest time for which the picture stays as it was. */
export function longestFreezeMs(pictures: readonly LumaPicture[]): number {
  let [longest, since] = [0, pictures[0]?.ptsMs ?? 0];
  pictures.forEach((picture, i) => {
    const previous = pictures[i - 1];
    if (previous === undefined) return;
    let difference = 0;
    for (let n = 0; n < pictureBytes; n++)
      difference += Math.abs((picture.luma[n] ?? 0) - (previous.luma[n] ?? 0));
    // Coding noise of a still picture is far below one step of luma on average once reduced.
    if (difference / pictureBytes > 0.2) since = picture.ptsMs;
    longest = Math.max(longest, picture.ptsMs - since);
  });
  return longest;
}

/** How many pictures are black all over. */
export function blackPictures(pictures: readonly LumaPicture[]): number {
  return pictures.filter((picture) => meanLuma(picture) < 20).length;
}
