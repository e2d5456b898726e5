/** The lowest and highest sample of each column, full scale ±127. */
export interface Waveform {
  readonly lows: Int8Array;
  readonly highs: Int8Array;
}

const COLUMNS = 600;

export function drawWaveform(samples: Int16Array): Waveform {
  const lows = new Int8Array(COLUMNS);
  const highs = new Int8Array(COLUMNS);
  for (let column = 0; column < COLUMNS; column++) {
    const from = Math.floor((column * samples.length) / COLUMNS);
    // One sample more: neighbouring columns meet.
    const to = Math.max(from + 2, Math.floor(((column + 1) * samples.length) / COLUMNS) + 1);
    let low = samples[from] ?? 0;
    let high = low;
    for (let i = from + 1; i < Math.min(to, samples.length); i++) {
      const x = samples[i]!;
      if (x < low) low = x;
      if (x > high) high = x;
    }
    lows[column] = Math.floor(low / 258);
    highs[column] = Math.ceil(high / 258);
  }
  return { lows, highs };
}
