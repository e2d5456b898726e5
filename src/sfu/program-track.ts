import { EventEmitter } from 'node:events';
import { systemClock, type Clock } from '../base/clock.js';
import { asAnchorNetError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { opusPacketDuration } from '../codec/opus/packet.js';
import type { AudioUnit, VideoUnit } from '../media/access-unit.js';
import { VIDEO_TIMESCALE, rescale } from '../media/timestamp.js';
import { packetizeH264 } from '../rtp/h264/packetizer.js';
import { ProgramLane, type LanePacket } from './program-lane.js';
import type { ClockPoint, ForwardPacket, MediaKind, PacketOutlet, PacketSource } from './packet-source.js';
import type { Publication } from './publication.js';

export type ProgramTrackSource = 'none' | 'relay' | 'units';

export interface ProgramTrackEvents {
  /** The first packet of a newly chosen source went out, `tookMs` after it was chosen. */
  switched: [source: ProgramTrackSource, tookMs: number];
  /** A viewer needs an IDR, or one is waited for, while units are the source or are to be. Throttled. */
  'keyframe-needed': [];
  closed: [];
}

/** A source that is on air or waits for its IDR. */
interface Feed {
  readonly source: 'relay' | 'units';
  readonly publication?: Publication;
  /** Stops listening to it. */
  release(): void;
}

const AUDIO_RATE = 48_000;
const KEYFRAME_NEEDED_EVERY_US = 300_000;
/** The program's wall time: any fixed point keeps its two tracks together. */
const NTP_ORIGIN_US = 3_900_000_000_000_000;
let opened = 0;

/**
 * The program as one endless track: viewers stay subscribed, and numbers and timestamps go on, while its source
 * changes. A new source takes over at its IDR, for picture and sound alike; until then the present one goes on.
 */
export class ProgramTrack extends EventEmitter<ProgramTrackEvents> implements PacketSource {
  readonly id = `program-${++opened}`;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #originUs: number;
  readonly #outlets = new Set<PacketOutlet>();
  readonly #lanes = {
    audio: new ProgramLane('audio', AUDIO_RATE),
    video: new ProgramLane('video', VIDEO_TIMESCALE),
  };
  /** The newest packet of each kind, for sender reports. */
  readonly #newest: Partial<Record<MediaKind, { out: number; timelineUs: number; atUs: number }>> = {};
  readonly #unitSequences = { audio: 0, video: 0 };
  #onAir: Feed | undefined;
  #pending: { readonly feed: Feed; readonly sinceUs: number } | undefined;
  /** Program time minus the timeline of the feed on air, in microseconds. */
  #shiftUs = 0;
  #lastKeyframeNeededUs = -Infinity;
  #closed = false;

  private constructor(options: { clock?: Clock; logger?: Logger }) {
    super();
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#originUs = this.#clock.nowUs();
  }

  static open(options: { clock?: Clock; logger?: Logger } = {}): ProgramTrack {
    return new ProgramTrack(options);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What viewers get now. */
  get source(): ProgramTrackSource {
    return this.#onAir?.source ?? 'none';
  }

  /** Nobody needs Opus units or packets while this is 0. */
  get viewers(): number {
    return this.#outlets.size;
  }

  /** Forward this publication's own packets from its next IDR on. Until then the present source goes on. */
  relay(publication: Publication): void {
    if (this.#closed || publication.closed || this.#pending?.feed.publication === publication) return;
    if (this.#onAir?.publication === publication) return this.#cancelPending();
    const outlet: PacketOutlet = {
      forward: (packet) => {
        const timelineUs = publication.captureUs(packet.kind, packet.timestamp);
        if (timelineUs !== undefined) this.#take(feed, lanePacket(packet), timelineUs);
      },
      sourceClosed: () => this.#drop(feed),
    };
    const feed: Feed = {
      source: 'relay',
      publication,
      release: () => publication.detach(outlet),
    };
    this.#choose(feed);
    publication.attach(outlet);
    publication.requestKeyframe();
  }

  /** Packetise what {@link pushUnit} gets, from its next IDR on. */
  useUnits(): void {
    if (this.#closed || this.#pending?.feed.source === 'units') return;
    if (this.#onAir?.source === 'units') return this.#cancelPending();
    this.#choose({ source: 'units', release: () => undefined });
    this.#needKeyframe();
  }

  /** Takes a unit of the program. Ignored unless units are the source or are to be. Audio other than Opus is too. */
  pushUnit(unit: VideoUnit | AudioUnit): void {
    const feed = this.#pending?.feed.source === 'units' ? this.#pending.feed : this.#onAir;
    if (feed?.source !== 'units' || this.#closed) return;
    if (unit.kind === 'audio') {
      if (unit.config.codec !== 'opus') return;
      this.#takeUnit(feed, unit, unit.data, { marker: false, first: true });
      return;
    }
    if (!unit.isIdr && !this.#lanes.video.entered && this.#onAir !== feed) this.#needKeyframe();
    let payloads: Buffer[];
    try {
      payloads = packetizeH264(unit);
    } catch (thrown) {
      this.#logger.warn({ track: this.id, err: asAnchorNetError(thrown) }, 'program picture left out');
      return;
    }
    payloads.forEach((payload, i) => {
      const where = { marker: i === payloads.length - 1, first: i === 0 && unit.isIdr };
      this.#takeUnit(feed, unit, payload, where);
    });
  }

  attach(outlet: PacketOutlet): void {
    this.#outlets.add(outlet);
  }

  detach(outlet: PacketOutlet): void {
    this.#outlets.delete(outlet);
  }

  viewerNeedsKeyframe(): void {
    if (this.#onAir?.publication) this.#onAir.publication.viewerNeedsKeyframe();
    else if (this.#onAir?.source === 'units') this.#needKeyframe();
  }

  recent(kind: MediaKind, sequenceNumber: number): ForwardPacket | undefined {
    return this.#lanes[kind].ring.get(sequenceNumber);
  }

  clockPoint(kind: MediaKind, nowUs: number): ClockPoint | undefined {
    const newest = this.#newest[kind];
    if (!newest) return undefined;
    const rate = kind === 'video' ? VIDEO_TIMESCALE : AUDIO_RATE;
    const elapsed = rescale(nowUs - newest.atUs, 1_000_000, rate);
    return {
      ntpUs: NTP_ORIGIN_US + Math.round(newest.timelineUs) + (nowUs - newest.atUs),
      rtpTimestamp: (newest.out + elapsed) % 2 ** 32,
    };
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending?.feed.release();
    this.#onAir?.release();
    this.#pending = undefined;
    this.#onAir = undefined;
    const outlets = [...this.#outlets];
    this.#outlets.clear();
    for (const outlet of outlets) outlet.sourceClosed('closed');
    this.emit('closed');
  }

  #cancelPending(): void {
    this.#pending?.feed.release();
    this.#pending = undefined;
  }

  #choose(feed: Feed): void {
    this.#cancelPending();
    this.#pending = { feed, sinceUs: this.#clock.nowUs() };
  }

  #take(feed: Feed, packet: LanePacket, timelineUs: number): void {
    const { kind } = packet;
    const nowUs = this.#clock.nowUs();
    if (this.#pending?.feed === feed && !this.#takesOver(feed, packet)) {
      if (kind === 'video') feed.publication?.requestKeyframe();
      return;
    }
    if (this.#pending?.feed === feed) this.#switchTo(feed, { timelineUs, nowUs, kind });
    if (this.#onAir !== feed) return;
    // Over a switch a picture begins with its IDR, also where sound has come first.
    const lane = this.#lanes[kind];
    if (!lane.entered && !packet.startsKeyframe) {
      feed.publication?.requestKeyframe();
      return;
    }
    const out = lane.renumber(packet, timelineUs + this.#shiftUs);
    if (!out) return;
    this.#newest[kind] = { out: out.timestamp, timelineUs: timelineUs + this.#shiftUs, atUs: nowUs };
    for (const outlet of this.#outlets) outlet.forward(out);
  }

  /** Whether this packet is where the pending feed goes on air. */
  #takesOver(feed: Feed, packet: LanePacket): boolean {
    if (packet.kind === 'video') return packet.startsKeyframe;
    // With nothing on air, or no picture to wait for, sound need not wait.
    return !this.#onAir || feed.publication?.kinds.includes('video') === false;
  }

  #switchTo(feed: Feed, at: { timelineUs: number; nowUs: number; kind: MediaKind }): void {
    const tookMs = (at.nowUs - this.#pending!.sinceUs) / 1000;
    this.#onAir?.release();
    this.#onAir = feed;
    this.#pending = undefined;
    const programUs = Math.max(at.nowUs - this.#originUs, this.#lanes[at.kind].endUs ?? 0);
    this.#shiftUs = programUs - at.timelineUs;
    this.#lanes.audio.leave();
    this.#lanes.video.leave();
    this.emit('switched', feed.source, tookMs);
  }

  #drop(feed: Feed): void {
    if (this.#pending?.feed === feed) this.#pending = undefined;
    if (this.#onAir === feed) this.#onAir = undefined;
  }

  #takeUnit(
    feed: Feed,
    unit: VideoUnit | AudioUnit,
    payload: Buffer,
    where: { marker: boolean; first: boolean },
  ): void {
    const { kind, pts } = unit;
    const sequence = this.#unitSequences[kind];
    this.#unitSequences[kind] = (sequence + 1) & 0xffff;
    const packet: LanePacket = {
      kind,
      sequence,
      timestamp: ((pts % 2 ** 32) + 2 ** 32) % 2 ** 32,
      marker: where.marker,
      startsKeyframe: where.first,
      duration: kind === 'audio' ? unit.durationSamples : 0,
      payload,
    };
    this.#take(feed, packet, rescale(pts, kind === 'video' ? VIDEO_TIMESCALE : AUDIO_RATE, 1_000_000));
  }

  #needKeyframe(): void {
    const nowUs = this.#clock.nowUs();
    if (nowUs - this.#lastKeyframeNeededUs < KEYFRAME_NEEDED_EVERY_US) return;
    this.#lastKeyframeNeededUs = nowUs;
    this.emit('keyframe-needed');
  }
}

function lanePacket(packet: ForwardPacket): LanePacket {
  const { kind, timestamp, marker, startsKeyframe, payload } = packet;
  const duration = kind === 'audio' ? opusDuration(payload) : 0;
  return { kind, sequence: packet.sequenceNumber, timestamp, marker, startsKeyframe, duration, payload };
}

function opusDuration(payload: Buffer): number {
  try {
    return opusPacketDuration(payload);
  } catch {
    return 0;
  }
}
