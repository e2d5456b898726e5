/** Where a sample of the decoded sound comes from. */
export interface SoundPlace {
  readonly timeMs: number;
  readonly unit: number | undefined;
  readonly byteOffset: number | undefined;
}

const MAX_ENTRIES = 1024;

/** The newest thousand blocks of sound and where each begins. */
export class PlaceMap {
  readonly #sampleRate: number;
  /** Count of the first sample of each block. */
  readonly #positions: number[] = [];
  readonly #places: SoundPlace[] = [];
  #blockBytes = 0;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /**
   * @param position of the block's first sample
   * @param blockBytes WAV: bytes per sample of all channels, so that each sample has an offset of its own
   */
  add(position: number, place: SoundPlace, blockBytes = 0): void {
    this.#positions.push(position);
    this.#places.push(place);
    this.#blockBytes = blockBytes;
    if (this.#places.length <= 2 * MAX_ENTRIES) return;
    this.#positions.splice(0, MAX_ENTRIES);
    this.#places.splice(0, MAX_ENTRIES);
  }

  locate(position: number): SoundPlace {
    let low = 0;
    let high = this.#places.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#positions[middle]! <= position) low = middle;
      else high = middle - 1;
    }
    const place = this.#places[low];
    if (place === undefined) return { timeMs: 0, unit: undefined, byteOffset: undefined };
    const into = position - this.#positions[low]!;
    const { timeMs, unit, byteOffset } = place;
    return {
      timeMs: timeMs + (into * 1000) / this.#sampleRate,
      unit,
      byteOffset: byteOffset === undefined ? undefined : byteOffset + Math.max(0, into) * this.#blockBytes,
    };
  }
}
