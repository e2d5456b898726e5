/** How long to wait for the IDR before asking again: a lost PLI or IDR must never wedge anything. */
const REPEAT_US = 300_000;
/** Two PLIs are never closer than this. */
const MIN_SPACING_US = 100_000;
/** After an IDR, viewers' wishes wait so long before they cause the next one. */
const VIEWER_SPACING_US = 500_000;

/** When to send PLIs: asked for once, repeated until the IDR is complete. Holds no timer; call {@link tick}. */
export class KeyframeRequest {
  readonly #sendPli: () => void;
  #pendingSinceUs: number | undefined;
  #viewerWishUs: number | undefined;
  #lastPliUs = -Infinity;
  #lastIdrUs = -Infinity;
  #plisSent = 0;
  #lastWaitUs: number | undefined;

  constructor(sendPli: () => void) {
    this.#sendPli = sendPli;
  }

  get plisSent(): number {
    return this.#plisSent;
  }

  /** From the first PLI to the IDR, of the latest request that was answered. */
  get lastWaitUs(): number | undefined {
    return this.#lastWaitUs;
  }

  ask(nowUs: number): void {
    this.#pendingSinceUs ??= nowUs;
    this.tick(nowUs);
  }

  askForViewer(nowUs: number): void {
    this.#viewerWishUs ??= nowUs;
    this.tick(nowUs);
  }

  idrComplete(nowUs: number): void {
    this.#lastIdrUs = nowUs;
    if (this.#pendingSinceUs === undefined) return;
    this.#lastWaitUs = nowUs - this.#pendingSinceUs;
    this.#pendingSinceUs = undefined;
  }

  tick(nowUs: number): void {
    if (this.#viewerWishUs !== undefined && nowUs - this.#lastIdrUs >= VIEWER_SPACING_US) {
      this.#viewerWishUs = undefined;
      this.#pendingSinceUs ??= nowUs;
    }
    if (this.#pendingSinceUs === undefined) return;
    // A request that is new may go out sooner than the repetition of an old one.
    const isRepeat = this.#lastPliUs >= this.#pendingSinceUs;
    if (nowUs - this.#lastPliUs < (isRepeat ? REPEAT_US : MIN_SPACING_US)) return;
    this.#lastPliUs = nowUs;
    this.#plisSent++;
    this.#sendPli();
  }
}
