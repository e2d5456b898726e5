/** Places of a sound, about in order, held back until what follows each is known, and kept until none is compared with them. */
export class HeldPlaces<Place extends { readonly position: number }> {
  readonly #places: Place[] = [];
  #judged = 0;

  add(place: Place): void {
    this.#places.push(place);
  }

  /** The others that are less than `span` samples away. */
  around({ position }: { readonly position: number }, span: number): Place[] {
    return this.#places.filter((other) => {
      const apart = Math.abs(other.position - position);
      return apart > 0 && apart < span;
    });
  }

  /**
   * Hands over each place once, when the sound reaches `span` samples past it.
   *
   * @param end to where the sound reaches; infinity when it is over
   * @returns the first position that is still compared with others
   */
  judge(end: number, span: number, take: (place: Place) => void): number {
    for (; this.#judged < this.#places.length; this.#judged++) {
      const place = this.#places[this.#judged]!;
      if (place.position + span > end) break;
      take(place);
    }
    const oldest = (this.#places[this.#judged]?.position ?? end) - span;
    while (this.#judged > 0 && this.#places[0]!.position < oldest) {
      this.#places.shift();
      this.#judged--;
    }
    return oldest;
  }
}
