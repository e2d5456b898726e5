import { HOP, type Sound } from './sound.js';

/** Levels are compared over this long on either side. */
const SIDE_MS = 10;
/** By so much must the level step, and that of the high frequencies by themselves: 2.5 dB. */
const LEAST = 10 ** 0.25;
/** Below this on either side there is nothing to step. */
const MIN_LEVEL = 3e-6;

/** Places where the level of sound steps within milliseconds, whatever the reason: attacks, ends, and changes of gain. */
export class SuddenSteps {
  #next = 0;
  #best: { readonly hop: number; readonly size: number } | undefined;

  /** Steps that are in the sound by now and were not told before, in samples. */
  advance(sound: Sound): number[] {
    const side = sound.hops(SIDE_MS);
    const found: number[] = [];
    this.#next = Math.max(this.#next, sound.firstHop + side);
    const sums = new Sums(sound, this.#next, side);
    for (; this.#next + side < sound.endHop; this.#next++, sums.move()) {
      const size = sums.step();
      if (size > (this.#best?.size ?? 1)) this.#best = { hop: this.#next, size };
      else if (this.#best !== undefined && this.#next > this.#best.hop + side) {
        found.push(this.#best.hop * HOP);
        this.#best = undefined;
      }
    }
    return found;
  }
}

/** Energy, and that of the highs, on both sides of a hop that moves on; of all channels. */
class Sums {
  readonly #sound: Sound;
  readonly #side: number;
  #at: number;
  #before = 0;
  #after = 0;
  #highsBefore = 0;
  #highsAfter = 0;

  constructor(sound: Sound, hop: number, side: number) {
    this.#sound = sound;
    this.#side = side;
    this.#at = hop - sound.firstHop;
    for (const { energy, rough } of sound.measures) {
      for (let i = 1; i <= side; i++) {
        this.#before += energy[this.#at - i]!;
        this.#after += energy[this.#at + i - 1]!;
        this.#highsBefore += rough[this.#at - i]!;
        this.#highsAfter += rough[this.#at + i - 1]!;
      }
    }
  }

  move(): void {
    const [at, side] = [this.#at++, this.#side];
    for (const { energy, rough } of this.#sound.measures) {
      this.#before += energy[at]! - energy[at - side]!;
      this.#after += energy[at + side]! - energy[at]!;
      this.#highsBefore += rough[at]! - rough[at - side]!;
      this.#highsAfter += rough[at + side]! - rough[at]!;
    }
  }

  /** How many times louder one side is than the other, in all times in the highs; 0 where it is no step. */
  step(): number {
    if (Math.min(this.#before, this.#after) < this.#side * MIN_LEVEL) return 0;
    const level = this.#after / this.#before;
    const highs = this.#highsAfter / this.#highsBefore;
    if (level > LEAST && highs > LEAST) return level * highs;
    return level * LEAST < 1 && highs * LEAST < 1 ? 1 / (level * highs) : 0;
  }
}
