import { AnchorNetError, CancelledError } from '../../../base/errors.js';
import { sameConfig, type AudioConfig, type VideoConfig } from '../../../media/access-unit.js';
import type { AudioEvent, CaptureEvent, Stamp, VideoEvent } from '../event.js';
import type { HlsPiece, LoadedSegment } from './follow.js';
import { readSegment } from './segment-reader.js';

/** A marked discontinuity over which times go on this closely, in seconds, has only changed codecs. */
const GOES_ON_WITHIN = 0.5;
/** Times of TS wrap after so many seconds: 33 bits at 90 kHz. */
const TS_WRAP = 2 ** 33 / 90_000;

type MediaEvent = AudioEvent | VideoEvent;
type Medium = MediaEvent['type'];

/**
 * Segments as one stream of events: units counted through, times put together where a discontinuity is marked, as
 * players do, and nowhere else. Segments that are lost or damaged are damage; the next one is read all the same.
 *
 * @throws what the first segment throws when it cannot be read
 */
export async function* segmentEvents(pieces: AsyncIterable<HlsPiece>): AsyncGenerator<CaptureEvent> {
  const line = new Timeline();
  for await (const piece of pieces) {
    if (piece.type === 'segment') yield* readPiece(piece, line);
    // The stream is joined at the first segment that is there.
    else if (line.hasBegun) yield damage(piece.message, 0);
  }
}

async function* readPiece(piece: LoadedSegment, line: Timeline): AsyncGenerator<CaptureEvent> {
  let events: CaptureEvent[];
  try {
    events = await readSegment(piece.bytes);
  } catch (error) {
    if (!(error instanceof AnchorNetError) || error instanceof CancelledError || !line.hasBegun) throw error;
    yield damage(`segment ${piece.msn} cannot be read: ${error.message}`, piece.length);
    return;
  }
  line.begin(events.filter(isMedia), piece.isDiscontinuity);
  for (const event of events) yield isMedia(event) ? line.place(event) : line.count(event);
}

const isMedia = (event: CaptureEvent): event is MediaEvent =>
  event.type === 'audio' || event.type === 'video';

/** Without a place: which unit of the stream it would have been, nobody knows. */
function damage(message: string, bytes: number): CaptureEvent {
  const place = { index: -1, byteOffset: undefined };
  return { type: 'damage', medium: 'video', place, bytes, message, fatal: false };
}

/** Where the next unit of a medium is due, shifted, in seconds. */
interface Due {
  readonly pts: number;
  readonly dts: number;
}

class Timeline {
  /**
   * Added to all times, in seconds. Decoding times of pictures have one of their own: how far ahead pictures are
   * decoded may change where streams are put together.
   */
  #shift = 0;
  #decodingShift = 0;
  readonly #due = new Map<Medium, Due>();
  /** The last decoding times, shifted, in seconds. */
  readonly #decoded = new Map<Medium, number>();
  readonly #counts = { audio: 0, video: 0 };
  #audio: AudioConfig | undefined;
  #video: VideoConfig | undefined;

  get hasBegun(): boolean {
    return this.#due.size > 0;
  }

  /** Decides where a segment is put. One shift for both media: their distance is what a viewer gets. */
  begin(events: readonly MediaEvent[], isDiscontinuity: boolean): void {
    const lead = events.find(({ type }) => type === 'video') ?? events[0];
    const due = lead && this.#due.get(lead.type);
    if (lead === undefined || due === undefined) return;
    const start = Math.min(...events.filter(({ type }) => type === lead.type).map(ptsOf));
    const off = due.pts - (start + this.#shift);
    if (!isDiscontinuity) {
      if (off <= TS_WRAP / 2) return;
      this.#shift += TS_WRAP;
      this.#decodingShift += TS_WRAP;
    } else if (Math.abs(off) > GOES_ON_WITHIN) {
      this.#shift = due.pts - start;
      this.#decodingShift = due.dts - dtsOf(lead);
    }
  }

  place(event: MediaEvent): MediaEvent {
    const { stamp } = event;
    if (stamp === undefined) return event;
    const { timescale } = stamp;
    const ticks = (seconds: number): number => Math.round(seconds * timescale);
    const pts = stamp.pts + ticks(this.#shift);
    const dts = event.type === 'audio' ? pts : stamp.dts + ticks(this.#decodingShift);
    const shifted = { ...stamp, pts, dts };
    const place = { index: this.#counts[event.type]++, byteOffset: undefined };
    this.#note(event, shifted);
    // One configuration while it is the same: readers compare by identity first.
    if (event.type === 'audio') {
      const { config } = event.unit;
      if (this.#audio === undefined || !sameConfig(this.#audio, config)) this.#audio = config;
      return { ...event, place, stamp: shifted, unit: { ...event.unit, config: this.#audio } };
    }
    const { config } = event.unit;
    if (this.#video === undefined || !sameConfig(this.#video, config)) this.#video = config;
    return { ...event, place, stamp: shifted, unit: { ...event.unit, config: this.#video } };
  }

  #note({ type, unit }: MediaEvent, { pts, dts, duration, timescale }: Stamp): void {
    const decoded = dts / timescale;
    const step = decoded - (this.#decoded.get(type) ?? decoded);
    const told = duration === undefined ? undefined : duration / timescale;
    // TS tells no lengths of pictures: the last step is the best guess.
    const length = type === 'audio' ? unit.durationSamples / unit.config.sampleRate : (told ?? step);
    const end = Math.max(this.#due.get(type)?.pts ?? -Infinity, pts / timescale + length);
    this.#decoded.set(type, decoded);
    this.#due.set(type, { pts: end, dts: decoded + length });
  }

  /** Damage within a segment, as a unit of the stream. */
  count(event: CaptureEvent): CaptureEvent {
    if (event.type !== 'damage') return event;
    return { ...event, place: { index: this.#counts[event.medium]++, byteOffset: undefined } };
  }
}

const ptsOf = ({ stamp }: MediaEvent): number => (stamp === undefined ? 0 : stamp.pts / stamp.timescale);
const dtsOf = ({ stamp }: MediaEvent): number => (stamp === undefined ? 0 : stamp.dts / stamp.timescale);
