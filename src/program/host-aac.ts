import { parseAsc } from '../codec/aac/asc.js';
import type { WindowInfo } from '../codec/aac/channel-stream.js';
import { channelWindows, parseRawDataBlock } from '../codec/aac/raw-data-block.js';
import { sameConfig, type AacUnit, type AudioUnit } from '../media/access-unit.js';
import type { PcmBlock } from '../media/pcm.js';
import type { SourceFrame } from '../splice/live-sound.js';
import { FRAME } from '../splice/piece.js';
import { passableFormat, sameFormat, type AudioFormat } from './audio-format.js';

/** Units that wait for their time; about twelve seconds. */
const MAX_FRAMES = 600;

export interface HostUnit {
  readonly unit: AudioUnit;
  /** What is added to the unit's time to give program time, in samples at the host's rate. */
  readonly offset: number;
  /** What decodes it. Another one knows nothing of the unit before. */
  readonly decoder: object;
  /**
   * Decodes it.
   *
   * @param shift to be added to the offset, so that the unit lies on the program's grid
   */
  readonly decode: (shift: number) => PcmBlock | undefined;
}

interface Run {
  readonly last: AacUnit;
  readonly offset: number;
  readonly decoder: object;
  /** At most half a frame either way: what puts this run on the program's grid. */
  readonly shift: number;
  /** Of the last unit; undefined when it was damaged, so that the next one decodes to something else. */
  readonly windows: readonly WindowInfo[] | undefined;
}

/**
 * The host's own AAC units on the program's grid of frames. A run of units without a gap keeps its place; the next run,
 * after a gap or in a new session, is shifted to the nearest frame: by half a frame at most, and never by more than
 * that however many runs there are.
 */
export class HostAac {
  readonly #format: () => AudioFormat;
  readonly #frames = new Map<number, SourceFrame>();
  #run: Run | undefined;

  constructor(format: () => AudioFormat) {
    this.#format = format;
  }

  /** A program time at which one of the host's units begins, in samples; undefined when none has come. */
  get phase(): number | undefined {
    const run = this.#run;
    return run && run.last.pts + run.offset + run.shift;
  }

  /**
   * Takes a unit and has it decoded, whether it can be passed through or not.
   *
   * @param grid any program time at which a frame begins; undefined before there is a grid
   */
  add(host: HostUnit, grid: number | undefined): void {
    const { unit, offset, decoder, decode } = host;
    if (!isPassable(unit, this.#format())) {
      this.#run = undefined;
      decode(0);
      return;
    }
    const before = this.#run;
    const follows =
      before !== undefined &&
      unit.pts === before.last.pts + FRAME &&
      offset === before.offset &&
      sameConfig(unit.config, before.last.config) &&
      (grid === undefined || toNearestFrame(unit.pts + offset + before.shift - grid) === 0);
    const pts = unit.pts + offset;
    const shift = follows ? before.shift : grid === undefined ? 0 : toNearestFrame(pts - grid);
    const pcm = decode(shift);
    const windows = pcm?.channels[0]?.length === FRAME ? windowsOf(unit) : undefined;
    this.#run = { last: unit, offset, decoder, shift, windows };
    if (pcm === undefined || windows === undefined || !follows) return;
    if (before.windows === undefined || before.decoder !== decoder) return;
    if (this.#frames.size >= MAX_FRAMES) this.#frames.clear();
    const frame = { data: unit.data, windows, windowsBefore: before.windows, sound: pcm.channels };
    this.#frames.set(pts + shift, frame);
  }

  /** The unit that begins at this program time. Those before it are let go. */
  take(pts: number): SourceFrame | undefined {
    for (const at of this.#frames.keys()) if (at < pts) this.#frames.delete(at);
    return this.#frames.get(pts);
  }

  /** Another timeline begins. What is there still has its time. */
  endSession(): void {
    this.#run = undefined;
  }
}

function isPassable(unit: AudioUnit, format: AudioFormat): unit is AacUnit {
  const own = passableFormat(unit.config);
  return own !== undefined && sameFormat(own, format) && unit.durationSamples === FRAME;
}

/** @returns undefined when it is damaged, or another decoder may make something else of it */
function windowsOf(unit: AacUnit): WindowInfo[] | undefined {
  try {
    const block = parseRawDataBlock(unit.data, parseAsc(unit.config.asc));
    const isPlain =
      !block.hasSbr && block.elements.length === 1 && !block.sideElements.includes('program-config');
    const windows = channelWindows(block);
    return isPlain && windows.length === unit.config.channels ? windows : undefined;
  } catch {
    return undefined;
  }
}

/** What is to be added to `distance` to make it a multiple of a frame. */
function toNearestFrame(distance: number): number {
  return Math.round(distance / FRAME) * FRAME - distance;
}
