import { systemClock, type Clock } from '../base/clock.js';
import { InvalidStateError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import type { AnswerOptions, WebRtcServer } from '../webrtc/webrtc-server.js';
import type { PacketSource } from './packet-source.js';
import { Publication } from './publication.js';
import { Subscription } from './subscription.js';

export interface SfuOptions {
  readonly webrtc: WebRtcServer;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export type NegotiateOptions = Omit<AnswerOptions, 'direction'>;

/** Retries, reorder waits and feedback are all due in multiples of about this. */
const TICK_MS = 10;

/** Publishers in, viewers out. */
export class Sfu {
  readonly #webrtc: WebRtcServer;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #publications = new Set<Publication>();
  readonly #subscriptions = new Set<Subscription>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: SfuOptions) {
    this.#webrtc = options.webrtc;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
  }

  static open(options: SfuOptions): Sfu {
    return new Sfu(options);
  }

  get publications(): ReadonlySet<Publication> {
    return this.#publications;
  }

  get subscriptions(): ReadonlySet<Subscription> {
    return this.#subscriptions;
  }

  /**
   * WHIP: takes an offer of one H.264 video, one Opus audio, or both.
   *
   * @throws what WebRtcServer.answer throws, InvalidStateError once closed
   */
  async publish(
    offerSdp: string,
    options: NegotiateOptions = {},
  ): Promise<{ answerSdp: string; publication: Publication }> {
    this.#assertOpen();
    const { answerSdp, connection } = await this.#webrtc.answer(offerSdp, {
      ...options,
      direction: 'receive',
    });
    const publication = new Publication({ connection, clock: this.#clock, logger: this.#logger });
    this.#track(this.#publications, publication);
    return { answerSdp, publication };
  }

  /**
   * WHEP: a viewer of a publication or of a ProgramTrack.
   *
   * @throws what WebRtcServer.answer throws, InvalidStateError when this or the source is closed
   */
  async subscribe(
    offerSdp: string,
    source: PacketSource,
    options: NegotiateOptions = {},
  ): Promise<{ answerSdp: string; subscription: Subscription }> {
    this.#assertOpen();
    if (source.closed) throw new InvalidStateError(`source ${source.id} is closed`);
    const { answerSdp, connection } = await this.#webrtc.answer(offerSdp, { ...options, direction: 'send' });
    const subscription = new Subscription({
      connection,
      source,
      clock: this.#clock,
      logger: this.#logger,
    });
    this.#track(this.#subscriptions, subscription);
    return { answerSdp, subscription };
  }

  /** Closes everything that was opened here; the WebRtcServer stays its owner's. Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription.close();
    for (const publication of this.#publications) publication.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #track<T extends Publication | Subscription>(all: Set<T>, one: T): void {
    all.add(one);
    const forget = (): void => {
      all.delete(one);
      if (this.#publications.size > 0 || this.#subscriptions.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
    (one as Publication).once('closed', forget);
    // Closed while the offer was being answered.
    if (this.#closed) one.close();
    if (one.closed) forget();
    else this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    const nowUs = this.#clock.nowUs();
    for (const publication of this.#publications) publication.tick(nowUs);
    for (const subscription of this.#subscriptions) subscription.tick(nowUs);
  }

  #assertOpen(): void {
    if (this.#closed) throw new InvalidStateError('the SFU is closed');
  }
}
