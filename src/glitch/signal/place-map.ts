/** Where a sample of the decoded sound comes from. */
export interface SoundPlace {
  readonly timeMs: number;
  readonly unit: number | undefined;
  readonly byteOffset: number | undefined;
}

interface Entry extends SoundPlace {
  /** Count of the first sample. */
  readonly position: number;
  /** WAV: bytes per sample of all channels, so that each sample has an offset of its own. */
  readonly blockBytes: number;
}

const MAX_ENTRIES = 1024;

/** The newest thousand blocks of sound and where each begins. */
export class PlaceMap {
  readonly #entries: Entry[] = [];
  readonly #sampleRate: number;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  add(position: number, place: SoundPlace, blockBytes = 0): void {
    this.#entries.push({ position, ...place, blockBytes });
    if (this.#entries.length > 2 * MAX_ENTRIES) this.#entries.splice(0, MAX_ENTRIES);
  }

  locate(position: number): SoundPlace {
    let low = 0;
    let high = this.#entries.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#entries[middle]!.position <= position) low = middle;
      else high = middle - 1;
    }
    const entry = this.#entries[low];
    if (entry === undefined) return { timeMs: 0, unit: undefined, byteOffset: undefined };
    const into = position - entry.position;
    return {
      timeMs: entry.timeMs + (into * 1000) / this.#sampleRate,
      unit: entry.unit,
      byteOffset:
        entry.byteOffset === undefined ? undefined : entry.byteOffset + Math.max(0, into) * entry.blockBytes,
    };
  }
}
