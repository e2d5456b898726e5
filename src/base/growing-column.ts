type Numbers =
  Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

const FIRST_CAPACITY = 1024;

/** Numbers that are appended one by one, in a typed array that grows: an hour of media has hundreds of thousands. */
export class GrowingColumn<T extends Numbers> {
  #values: T;
  #length = 0;
  readonly #make: (length: number) => T;

  /** @param make an array for so many numbers; its kind bounds what they can be */
  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#values = make(FIRST_CAPACITY);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = this.#make(2 * this.#length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** All of them, not copied: what is appended later is not in it. */
  get values(): T {
    return this.#values.subarray(0, this.#length) as T;
  }
}

export const float64Column = (): GrowingColumn<Float64Array<ArrayBuffer>> =>
  new GrowingColumn((length) => new Float64Array(length));
export const uint32Column = (): GrowingColumn<Uint32Array<ArrayBuffer>> =>
  new GrowingColumn((length) => new Uint32Array(length));
export const int16Column = (): GrowingColumn<Int16Array<ArrayBuffer>> =>
  new GrowingColumn((length) => new Int16Array(length));
export const uint8Column = (): GrowingColumn<Uint8Array<ArrayBuffer>> =>
  new GrowingColumn((length) => new Uint8Array(length));
