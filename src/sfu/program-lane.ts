import { WrapUnwrapper, rescale } from '../media/timestamp.js';
import { PacketRing } from './packet-ring.js';
import type { ForwardPacket, MediaKind } from './packet-source.js';

/** Two sources' audio that is this close to seamless is made seamless: half an Opus frame of 20 ms. */
const SNAP_SAMPLES = 480;
/** A new source's first picture is at least so much after the last one. */
const MIN_STEP_US = 5_000;

/** A packet of a source before it is renumbered. Units of a mix have numbers of their own that never jump. */
export interface LanePacket {
  readonly kind: MediaKind;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly startsKeyframe: boolean;
  /** Ticks that the packet lasts, 0 for video. */
  readonly duration: number;
  readonly payload: Buffer;
}

interface Entry {
  /** Added to the source's unwrapped numbers. */
  readonly sequenceOffset: number;
  readonly timestampOffset: number;
  readonly firstSequence: number;
}

/** The audio or the video of a program: one numbering over all the sources it ever had. */
export class ProgramLane {
  readonly ring = new PacketRing();
  readonly #kind: MediaKind;
  readonly #clockRate: number;
  #highest = Math.floor(Math.random() * 0x8000);
  #end: number | undefined;
  #sequences = new WrapUnwrapper(16);
  #timestamps = new WrapUnwrapper(32);
  #entry: Entry | undefined;

  constructor(kind: MediaKind, clockRate: number) {
    this.#kind = kind;
    this.#clockRate = clockRate;
  }

  /** Whether the present source has put something out. */
  get entered(): boolean {
    return this.#entry !== undefined;
  }

  /** End of what went out so far on the program's timeline, in microseconds. */
  get endUs(): number | undefined {
    return this.#end === undefined ? undefined : rescale(this.#end, this.#clockRate, 1_000_000);
  }

  /** The next packet comes from another source. */
  leave(): void {
    this.#entry = undefined;
    this.#sequences = new WrapUnwrapper(16);
    this.#timestamps = new WrapUnwrapper(32);
  }

  /**
   * The packet in the program's numbering.
   *
   * @param programUs where the program's timeline has this packet; heeded for the first one of a source
   * @returns nothing for what lies before the source's first packet or overlaps the source before it
   */
  renumber(packet: LanePacket, programUs: number): ForwardPacket | undefined {
    const sequence = this.#sequences.unwrap(packet.sequence);
    const timestamp = this.#timestamps.unwrap(packet.timestamp);
    this.#entry ??= this.#enter(sequence, timestamp, programUs);
    if (!this.#entry || sequence < this.#entry.firstSequence) return undefined;
    const outSequence = sequence + this.#entry.sequenceOffset;
    const outTimestamp = timestamp + this.#entry.timestampOffset;
    this.#highest = Math.max(this.#highest, outSequence);
    this.#end = Math.max(this.#end ?? outTimestamp, outTimestamp + packet.duration);
    const out: ForwardPacket = {
      kind: this.#kind,
      sequenceNumber: wrap(outSequence, 0x10000),
      timestamp: wrap(outTimestamp, 2 ** 32),
      marker: packet.marker,
      startsKeyframe: packet.startsKeyframe,
      payload: packet.payload,
    };
    this.ring.put(out);
    return out;
  }

  #enter(sequence: number, timestamp: number, programUs: number): Entry | undefined {
    let begin = rescale(Math.round(programUs), 1_000_000, this.#clockRate);
    if (this.#end !== undefined) {
      if (this.#kind === 'video') {
        begin = Math.max(begin, this.#end + rescale(MIN_STEP_US, 1_000_000, this.#clockRate));
      } else if (begin < this.#end - SNAP_SAMPLES) {
        return undefined;
      } else if (begin <= this.#end + SNAP_SAMPLES) {
        begin = this.#end;
      }
    }
    return {
      sequenceOffset: this.#highest + 1 - sequence,
      timestampOffset: begin - timestamp,
      firstSequence: sequence,
    };
  }
}

function wrap(value: number, range: number): number {
  const rest = value % range;
  return rest < 0 ? rest + range : rest;
}
