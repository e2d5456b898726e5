/** This many others within this time on either side make a hole one of a pattern. */
const HABIT_COUNT = 2;
const HABIT_MS = 1500;
/** Pauses with softer edges are of the pattern when they are as long: a gate's or a dial's. */
const ALIKE_MS = 4;

interface Pause {
  /** In samples. */
  readonly position: number;
  readonly lengthMs: number;
}

/** Holds what was found until it is known whether others like it surround it: gated sound, a dial, crackle. */
export class Habits {
  readonly #held: (Pause & { readonly tell: (isHabit: boolean) => void })[] = [];
  readonly #recent: number[] = [];
  readonly #pauses: Pause[] = [];

  /** A pause that may be of a pattern, whether it is found to be a defect or not. */
  note(pause: Pause): void {
    this.#pauses.push(pause);
  }

  hold(pause: Pause, tell: (isHabit: boolean) => void): void {
    this.#held.push({ ...pause, tell });
  }

  /** Tells what no later one can make a habit of. */
  advance(endPosition: number, sampleRate: number): void {
    const span = (HABIT_MS * sampleRate) / 1000;
    const before = endPosition - span;
    while (this.#held.length > 0 && this.#held[0]!.position < before) {
      const { position, lengthMs, tell } = this.#held.shift()!;
      while (this.#recent.length > 0 && this.#recent[0]! < position - span) this.#recent.shift();
      const later = this.#held.filter((other) => other.position < position + span).length;
      const alike = this.#pauses.filter(
        (other) =>
          other.position !== position &&
          Math.abs(other.position - position) < span &&
          Math.abs(other.lengthMs - lengthMs) < ALIKE_MS,
      ).length;
      tell(Math.max(this.#recent.length + later, alike) >= HABIT_COUNT);
      this.#recent.push(position);
    }
    while (this.#pauses.length > 0 && this.#pauses[0]!.position < before - span) this.#pauses.shift();
  }

  end(sampleRate: number): void {
    this.advance(Infinity, sampleRate);
  }
}
