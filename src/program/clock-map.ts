/**
 * Where a participant's media timeline lies on the system clock. A unit's arrival minus its time is the offset plus
 * whatever the network and the encoder held it back, so the least of the recent ones is the best estimate. Sound and
 * picture of one participant have different encoder delays: the map follows the slower of the two, so that at the
 * mapped instant both are there.
 */
export type MediaKind = 'audio' | 'video';

/** How far back the least delay is looked for; long enough to span a burst of loss or a congested moment. */
const WINDOW_US = 8_000_000;
const BUCKET_US = 500_000;
/** While a session is younger than this its estimate is taken as it comes. */
const SETTLING_US = 2_000_000;
/** A change of 0.2 % in speed is inaudible (frequency JND about 0.2–0.35 %). */
const SLEW = 0.002;
/** A difference that slewing would carry for too long; the path itself has changed. */
const STEP_US = 200_000;

interface Bucket {
  readonly startUs: number;
  min: number;
  max: number;
}

/** Least and greatest of the values of the last {@link WINDOW_US}, in steps of {@link BUCKET_US}. */
class RecentRange {
  readonly #buckets: Bucket[] = [];

  add(value: number, atUs: number): void {
    const newest = this.#buckets.at(-1);
    if (newest !== undefined && atUs < newest.startUs + BUCKET_US) {
      newest.min = Math.min(newest.min, value);
      newest.max = Math.max(newest.max, value);
    } else {
      this.#buckets.push({ startUs: atUs, min: value, max: value });
    }
    while (this.#buckets[0] !== undefined && this.#buckets[0].startUs < atUs - WINDOW_US)
      this.#buckets.shift();
  }

  freshAt(atUs: number): boolean {
    const newest = this.#buckets.at(-1);
    return newest !== undefined && newest.startUs > atUs - WINDOW_US;
  }

  get min(): number {
    return this.#buckets.reduce((least, bucket) => Math.min(least, bucket.min), Infinity);
  }

  get max(): number {
    return this.#buckets.reduce((greatest, bucket) => Math.max(greatest, bucket.max), -Infinity);
  }
}

export class ClockMap {
  readonly #delays: Record<MediaKind, RecentRange> = { audio: new RecentRange(), video: new RecentRange() };
  #offsetUs: number | undefined;
  #startedUs = 0;
  #movedUs = 0;

  /**
   * @param mediaUs time on the participant's timeline by which the unit was complete there: `dts` of a picture, the
   *   end of an audio frame
   */
  observe(kind: MediaKind, mediaUs: number, arrivalUs: number): void {
    this.#delays[kind].add(arrivalUs - mediaUs, arrivalUs);
    const target = this.#target(arrivalUs);
    if (this.#offsetUs === undefined) {
      this.#offsetUs = target;
      this.#startedUs = arrivalUs;
    } else if (arrivalUs - this.#startedUs < SETTLING_US || Math.abs(target - this.#offsetUs) > STEP_US) {
      this.#offsetUs = target;
    } else {
      const reach = Math.max(0, arrivalUs - this.#movedUs) * SLEW;
      this.#offsetUs += Math.max(-reach, Math.min(reach, target - this.#offsetUs));
    }
    this.#movedUs = Math.max(this.#movedUs, arrivalUs);
  }

  /** System clock minus media time, in µs; `undefined` before the first unit. */
  get offsetUs(): number | undefined {
    return this.#offsetUs;
  }

  /** How much later than the map says the latest of the recent units came, in µs. */
  latenessUs(kind: MediaKind): number {
    return Math.max(0, this.#delays[kind].max - (this.#offsetUs ?? Infinity));
  }

  #target(nowUs: number): number {
    let target = -Infinity;
    for (const range of [this.#delays.audio, this.#delays.video]) {
      if (range.freshAt(nowUs)) target = Math.max(target, range.min);
    }
    return target;
  }
}
