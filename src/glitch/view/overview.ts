/** The whole capture in a fixed number of bins of equal length. */
export interface Overview {
  /** Time of the first bin, on the clock of the findings. */
  readonly fromMs: number;
  readonly binMs: number;
  readonly bins: number;
  /** Per channel and bin: the largest magnitude of a sample, and the mean square. */
  readonly peaks: readonly Float32Array[];
  readonly meanSquares: readonly Float32Array[];
  /** Bytes of coded sound and pictures that begin in a bin. */
  readonly audioBytes: Float64Array;
  readonly videoBytes: Float64Array;
}

/** Even. Twice as many as fit a wide screen are no better to look at. */
const BINS = 1200;
const FIRST_BIN_MS = 10;

/** Collects an {@link Overview}: whenever the capture outgrows its bins, each two become one. */
export class OverviewBins {
  #binMs = FIRST_BIN_MS;
  #fromMs: number | undefined;
  #used = 0;
  #peaks: Float32Array[] = [];
  #squares: Float64Array[] = [];
  readonly #samples = new Float64Array(BINS);
  readonly #audioBytes = new Float64Array(BINS);
  readonly #videoBytes = new Float64Array(BINS);

  unit(medium: 'audio' | 'video', timeMs: number, bytes: number): void {
    const bytesOf = medium === 'audio' ? this.#audioBytes : this.#videoBytes;
    bytesOf[this.#bin(timeMs)]! += bytes;
  }

  /** @param timeMs of the first sample */
  sound(channels: readonly Float32Array[], sampleRate: number, timeMs: number): void {
    const length = channels[0]?.length ?? 0;
    while (this.#peaks.length < channels.length) {
      this.#peaks.push(new Float32Array(BINS));
      this.#squares.push(new Float64Array(BINS));
    }
    for (let from = 0; from < length;) {
      const bin = this.#bin(timeMs + (from * 1000) / sampleRate);
      const endMs = (this.#fromMs ?? 0) + (bin + 1) * this.#binMs;
      const to = Math.min(length, Math.max(from + 1, Math.ceil(((endMs - timeMs) * sampleRate) / 1000)));
      channels.forEach((samples, channel) => this.#add(samples.subarray(from, to), channel, bin));
      this.#samples[bin]! += to - from;
      from = to;
    }
  }

  /** @param originMs the capture's first time: the overview's times count from it */
  take(originMs: number): Overview {
    const bins = Math.max(1, this.#used);
    return {
      fromMs: (this.#fromMs ?? originMs) - originMs,
      binMs: this.#binMs,
      bins,
      peaks: this.#peaks.map((peaks) => peaks.slice(0, bins)),
      meanSquares: this.#squares.map((squares) =>
        Float32Array.from({ length: bins }, (_, bin) => squares[bin]! / Math.max(1, this.#samples[bin]!)),
      ),
      audioBytes: this.#audioBytes.slice(0, bins),
      videoBytes: this.#videoBytes.slice(0, bins),
    };
  }

  #add(samples: Float32Array, channel: number, bin: number): void {
    let peak = this.#peaks[channel]![bin]!;
    let squares = 0;
    for (const x of samples) {
      squares += x * x;
      if (x > peak) peak = x;
      else if (-x > peak) peak = -x;
    }
    this.#peaks[channel]![bin] = peak;
    this.#squares[channel]![bin]! += squares;
  }

  /** Times before the first one, as stamps that go back have them, count for the first bin. */
  #bin(timeMs: number): number {
    this.#fromMs ??= timeMs;
    const intoMs = Math.max(0, timeMs - this.#fromMs);
    while (intoMs >= BINS * this.#binMs) this.#halve();
    const bin = Math.floor(intoMs / this.#binMs);
    this.#used = Math.max(this.#used, bin + 1);
    return bin;
  }

  #halve(): void {
    this.#binMs *= 2;
    this.#used = Math.ceil(this.#used / 2);
    for (const peaks of this.#peaks) join(peaks, Math.max);
    const sums = [...this.#squares, this.#samples, this.#audioBytes, this.#videoBytes];
    for (const sum of sums) join(sum, (a, b) => a + b);
  }
}

function join(values: Float32Array | Float64Array, both: (a: number, b: number) => number): void {
  const half = values.length / 2;
  for (let bin = 0; bin < half; bin++) values[bin] = both(values[2 * bin]!, values[2 * bin + 1]!);
  values.fill(0, half);
}
