import { PowerSpectrum } from '../signal/fft.js';
import { encodePalettePng } from './png.js';

const COLUMNS = 320;
const ROWS = 96;
/** 10.7 ms at 48 kHz: short enough to show an edge, long enough to tell tones apart. */
const SIZE = 512;
/** Shades; fewer make the picture smaller, and bands that nobody sees. */
const SHADES = 48;
/** What is darkest, against a full-scale sine. */
const FLOOR_DB = -96;
const CEILING_DB = -12;

/** Of the way from 0 Hz to the top, by the share of the height: low frequencies, where most is heard, get more of it. */
export function frequencyShare(heightShare: number): number {
  return heightShare ** 1.6;
}

let spectrum: PowerSpectrum | undefined;

/**
 * A spectrogram as a PNG, time from left to right, 0 Hz at the bottom, half the sample rate at the top.
 *
 * @param samples full scale ±32767
 * @param margin how many samples at either end are not drawn
 */
export function drawSpectrogram(samples: Int16Array, margin: number): Uint8Array {
  spectrum ??= new PowerSpectrum(SIZE);
  const fullScale = (SIZE / 4) ** 2;
  const powers = new Float64Array(SIZE / 2);
  const block = new Float32Array(SIZE);
  const pixels = new Uint8Array(COLUMNS * ROWS);
  const bins = Array.from({ length: ROWS + 1 }, (_, row) => frequencyShare(row / ROWS) * (SIZE / 2));
  const length = samples.length - 2 * margin;
  for (let column = 0; column < COLUMNS; column++) {
    const centre = margin + Math.round(((column + 0.5) * length) / COLUMNS);
    for (let i = 0; i < SIZE; i++) block[i] = (samples[centre - SIZE / 2 + i] ?? 0) / 32_767;
    spectrum.of(block, powers);
    for (let row = 0; row < ROWS; row++) {
      const from = Math.floor(bins[row]!);
      const to = Math.max(from + 1, Math.floor(bins[row + 1]!));
      let power = 0;
      for (let bin = from; bin < to; bin++) power = Math.max(power, powers[bin]!);
      const db = 10 * Math.log10(power / fullScale + 1e-12);
      const share = Math.max(0, Math.min(1, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
      pixels[(ROWS - 1 - row) * COLUMNS + column] = Math.round(share * (SHADES - 1));
    }
  }
  return encodePalettePng({ width: COLUMNS, height: ROWS, pixels, palette: heat() });
}

/** Dark blue, violet, orange, pale yellow: lightness grows all the way, so that it reads without colour too. */
const stops = [
  [10, 8, 32],
  [58, 18, 98],
  [140, 40, 110],
  [222, 84, 72],
  [250, 160, 60],
  [252, 246, 200],
] as const;

function heat(): Uint8Array {
  const palette = new Uint8Array(3 * SHADES);
  for (let shade = 0; shade < SHADES; shade++) {
    const at = (shade / (SHADES - 1)) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    for (let part = 0; part < 3; part++) {
      const [a, b] = [stops[low]![part]!, stops[low + 1]![part]!];
      palette[3 * shade + part] = Math.round(a + (b - a) * (at - low));
    }
  }
  return palette;
}
