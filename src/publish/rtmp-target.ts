import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, type Clock } from '../base/clock.js';
import { asAnchorNetError, DestinationError, type AnchorNetError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { RateMeter } from '../base/rate-meter.js';
import { FlvMuxer, unitTimeMs } from '../container/flv/muxer.js';
import type { AacConfig, VideoConfig } from '../media/access-unit.js';
import type { ProgramSink, ProgramUnit } from '../media/program-sink.js';
import { RtmpClient } from '../rtmp/rtmp-client.js';
import { parseRtmpUrl } from '../rtmp/url.js';
import { Backoff } from './backoff.js';
import type { RtmpTargetOptions, RtmpTargetState, RtmpTargetStats } from './rtmp-target-options.js';
import { UnitQueue, type UnitQueueLimits } from './unit-queue.js';

interface RtmpTargetEvents {
  state: [RtmpTargetState];
}

const KEYFRAME_REPEAT_MS = 500;
/** A receiver further behind than this is of no use to live viewers. */
const defaultQueue: UnitQueueLimits = { maxMs: 5_000, maxBytes: 16 * 2 ** 20 };
const DEFAULT_STALL_TIMEOUT_MS = 10_000;
/** Shown as stalled after so long without a byte taken. */
const STALL_NOTICE_MS = 2_000;
/** Bytes handed to the socket ahead of the network: small, so that what is late can still be dropped. */
const SOCKET_AHEAD_BYTES = 128 * 1024;
const WATCH_MS = 250;
/** How long what waits may take to go out when closing. */
const CLOSE_FLUSH_MS = 2_000;

/**
 * A program's connection to one RTMP(S) server: kept through every change of parameter sets, and made anew when it is
 * lost. Timestamps go on over all connections, counted from the first picture.
 */
export class RtmpTarget extends EventEmitter<RtmpTargetEvents> implements ProgramSink {
  /** The server and application, without anything secret. */
  readonly address: string;
  readonly #options: RtmpTargetOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #queue: UnitQueue;
  readonly #backoff: Backoff;
  readonly #rate: RateMeter;
  readonly #stop = new AbortController();
  #muxer: FlvMuxer | undefined;
  #client: RtmpClient | undefined;
  #state: RtmpTargetState = 'connecting';
  #hasMetadata = false;
  #video: VideoConfig | undefined;
  #audio: AacConfig | undefined;
  #bytesOut = 0;
  #flushedSeen = 0;
  #unitsOut = 0;
  #reconnects = 0;
  #droppedBeforeLive = 0;
  #wasLive = false;
  #dropped = 0;
  #lastError: AnchorNetError | undefined;
  #connectedAtUs: number | undefined;
  #progressUs = 0;
  #askedUs = -Infinity;
  #isClosing = false;
  #attempted: () => void = () => undefined;
  /** Resolves when the first attempt has come to a connection or failed; never rejects. */
  readonly firstAttempt: Promise<void>;
  readonly #running: Promise<void>;
  #closed: Promise<void> | undefined;

  /**
   * Begins to connect at once.
   *
   * @throws InvalidOptionError when the address is not of the form
   */
  static open(options: RtmpTargetOptions): RtmpTarget {
    return new RtmpTarget(options);
  }

  private constructor(options: RtmpTargetOptions) {
    super();
    this.address = parseRtmpUrl(options.url, options.streamKey).shown;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#queue = new UnitQueue({ ...defaultQueue, ...options.queue }, options.hasVideo ?? true);
    this.#backoff = new Backoff(options.backoff);
    this.#rate = new RateMeter(this.#clock);
    this.firstAttempt = new Promise((resolve) => (this.#attempted = resolve));
    this.#running = this.#run().finally(() => this.#attempted());
  }

  get state(): RtmpTargetState {
    return this.#state;
  }

  stats(): RtmpTargetStats {
    return {
      state: this.#state,
      bytesOut: this.#bytesOut,
      bitrateBps: Math.round(this.#rate.perSecond()),
      unitsOut: this.#unitsOut,
      reconnects: this.#reconnects,
      droppedUnits: this.#wasLive ? this.#dropped + this.#queue.dropped - this.#droppedBeforeLive : 0,
      queueMs: this.#queue.spanMs,
      queueBytes: this.#queue.bytes + (this.#client?.pendingBytes ?? 0),
      lastError: this.#lastError?.message,
      lastErrorHint: this.#lastError?.hint,
      connectedAtUs: this.#connectedAtUs,
    };
  }

  write(unit: ProgramUnit): void {
    if (this.#isClosing) return;
    if (unit.kind === 'video') this.#video = unit.config;
    else this.#audio = unit.config;
    if (this.#client === undefined) {
      this.#dropped++;
      return;
    }
    this.#queue.push(unit);
    this.#pump(this.#client, SOCKET_AHEAD_BYTES);
  }

  /** Sends what waits, within a limit, and takes leave of the server. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#isClosing = true;
    const client = this.#client;
    if (client !== undefined) {
      this.#pump(client, Infinity);
      const limit = setTimeout(() => client.destroy(), CLOSE_FLUSH_MS);
      await client.close();
      clearTimeout(limit);
    }
    this.#stop.abort();
    await this.#running;
    this.#setState('idle');
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      try {
        const client = await this.#connect();
        const reason = await this.#serve(client);
        if (reason !== undefined) this.#lost(reason, 'warn');
      } catch (error) {
        this.#lost(asAnchorNetError(error), 'info');
      }
      this.#attempted();
      if (this.#isClosing) return;
      const waitMs = this.#backoff.nextMs();
      if (this.#backoff.failures >= (this.#options.maxAttempts ?? Infinity)) {
        this.#isClosing = true;
        this.#setState('failed');
        return;
      }
      this.#setState('reconnecting');
      await delay(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  #connect(): Promise<RtmpClient> {
    const { url, streamKey, ca, connectTimeoutMs } = this.#options;
    return RtmpClient.connect(url, {
      streamKey,
      ca,
      connectTimeoutMs,
      logger: this.#logger,
      signal: this.#stop.signal,
    });
  }

  #lost(reason: AnchorNetError, level: 'warn' | 'info'): void {
    if (this.#isClosing) return;
    this.#lastError = reason;
    this.#logger[level](
      { target: this.address, reason: reason.message },
      level === 'warn' ? 'RTMP target lost' : 'RTMP target not reached',
    );
  }

  /** Feeds one connection to its end. @returns why it ended; undefined when we ended it */
  async #serve(client: RtmpClient): Promise<AnchorNetError | undefined> {
    if (this.#isClosing) {
      await client.close();
      return undefined;
    }
    this.#logger.info({ target: this.address }, 'RTMP target connected');
    const connectedAtUs = this.#clock.nowUs();
    if (this.#wasLive || this.#unitsOut > 0) this.#reconnects++;
    this.#connectedAtUs = this.#progressUs = connectedAtUs;
    this.#flushedSeen = 0;
    this.#askedUs = -Infinity;
    this.#hasMetadata = false;
    this.#muxer?.restart();
    this.#queue.restart();
    this.#client = client;
    this.#attempted();
    const watch = setInterval(() => this.#watch(client), WATCH_MS);
    client.on('flushed', () => {
      this.#account(client);
      this.#pump(client, SOCKET_AHEAD_BYTES);
    });
    this.#watch(client);
    try {
      return await new Promise<AnchorNetError | undefined>((resolve) => {
        client.once('closed', resolve);
        if (client.isClosed)
          resolve(new DestinationError(`${this.address}: the server closed the connection`));
      });
    } finally {
      clearInterval(watch);
      this.#client = undefined;
      this.#connectedAtUs = undefined;
      this.#queue.restart();
      this.#backoff.ended((this.#clock.nowUs() - connectedAtUs) / 1000);
    }
  }

  #account(client: RtmpClient): void {
    const bytes = client.bytesFlushed - this.#flushedSeen;
    if (bytes <= 0) return;
    this.#flushedSeen += bytes;
    this.#bytesOut += bytes;
    this.#rate.add(bytes * 8);
    this.#progressUs = this.#clock.nowUs();
    if (this.#state === 'stalled') this.#setState('live');
  }

  /** Asks for the IDR again, and notices a peer that takes no bytes although it keeps the connection. */
  #watch(client: RtmpClient): void {
    const nowUs = this.#clock.nowUs();
    if (this.#queue.needsIdr && nowUs - this.#askedUs >= KEYFRAME_REPEAT_MS * 1000) {
      this.#askedUs = nowUs;
      this.#options.onKeyframeNeeded?.();
    }
    if (client.pendingBytes === 0) {
      this.#progressUs = nowUs;
      return;
    }
    const stillMs = (nowUs - this.#progressUs) / 1000;
    const limitMs = this.#options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
    if (stillMs >= limitMs) {
      client.destroy(
        new DestinationError(
          `${this.address}: stalled, took no byte for ${Math.round(stillMs / 100) / 10} s`,
          { hint: 'Is this network’s upload fast enough for the program?' },
        ),
      );
    } else if (stillMs >= Math.min(STALL_NOTICE_MS, limitMs / 2)) this.#setState('stalled');
  }

  #pump(client: RtmpClient, aheadBytes: number): void {
    while (client.pendingBytes < aheadBytes) {
      const unit = this.#queue.shift();
      if (unit === undefined) return;
      this.#send(client, unit);
    }
  }

  #send(client: RtmpClient, unit: ProgramUnit): void {
    if (client.isClosed) return;
    this.#muxer ??= new FlvMuxer({ originMs: unitTimeMs(unit) });
    if (!this.#hasMetadata) {
      client.writeMetadata({ video: this.#video, audio: this.#audio });
      this.#hasMetadata = true;
    }
    for (const tag of this.#muxer.tags(unit)) client.write(tag);
    this.#unitsOut++;
    if (this.#state === 'live' || this.#state === 'stalled') return;
    if (!this.#wasLive) this.#droppedBeforeLive = this.#dropped + this.#queue.dropped;
    this.#wasLive = true;
    this.#setState('live');
  }

  #setState(state: RtmpTargetState): void {
    if (state === this.#state || this.#state === 'failed') return;
    this.#state = state;
    this.emit('state', state);
  }
}
