import { WindowSequence } from '../../codec/aac/channel-stream.js';
import type { RawDataBlock } from '../../codec/aac/raw-data-block.js';
import type { AacFrame } from './aac-frame.js';

/** Frames over which the bits spent are added up, about 5 s. */
const KEPT_FRAMES = 256;
const MIN_FRAMES = 16;
/** The reservoir must have been this far from full, in frames of the bitrate. */
const MIN_DEBT = 0.15;
/** Usual bitrates are multiples of this. */
const BITRATE_STEP = 8000;
/** What the reservoir holds at most, ISO/IEC 14496-3 §4.5.3.1: 6144 bits. The mean of frames is off by its share of that. */
const RESERVOIR_BYTES_PER_CHANNEL = 768;
/** Sound that pauses now and then has empty frames of its own. */
const ALONE_FRAMES = 64;
/** How fdk groups the short windows of its second frame when sound begins at once. */
const FIRST_ATTACK = ['3131', '3113'];

/**
 * The first frame of libfdk_aac at a constant bitrate, after those of another run. It holds the encoder's delay, so it is
 * empty, and it is filled up to exactly the bitrate, since a fresh bit reservoir is full. In one run an empty frame is
 * filled up only when the frames before it have spent no more than the bitrate; otherwise it fills the reservoir. Where
 * they have not, the sound must begin right where the delay ends, in a stream without pauses.
 */
export class ColdStart {
  readonly #bytes: number[] = [];
  #candidate: { readonly frame: AacFrame; readonly isCertain: boolean } | undefined;
  #sinceEmpty = 0;

  /** @returns the run's first frame, once the second one is in */
  frame(frame: AacFrame): AacFrame | undefined {
    const { block, event } = frame;
    const isCoded = block !== undefined && hasSound(block);
    const candidate = this.#candidate;
    const isBegun = isCoded && candidate !== undefined && (candidate.isCertain || isFirstAttack(block));
    const bytes = event.unit.data.length;
    this.#candidate = undefined;
    if (!isCoded && block?.sideElements.includes('fill') === true && this.#isBitrate(frame)) {
      const isCertain = this.#debt(bytes) >= MIN_DEBT * bytes;
      if (isCertain || this.#sinceEmpty >= ALONE_FRAMES) this.#candidate = { frame, isCertain };
    }
    this.#sinceEmpty = isCoded ? this.#sinceEmpty + 1 : 0;
    // What another run has spent is no debt of this one's.
    if (isBegun) this.#bytes.length = 0;
    this.#bytes.push(bytes);
    if (this.#bytes.length > KEPT_FRAMES) this.#bytes.shift();
    return isBegun ? candidate.frame : undefined;
  }

  /** Whether frames of this size make a usual bitrate, and the one that there has been. */
  #isBitrate({ event: { unit } }: AacFrame): boolean {
    const { sampleRate, channels } = unit.config;
    const frames = this.#bytes.length;
    if (frames < MIN_FRAMES) return false;
    const mean = this.#bytes.reduce((sum, bytes) => sum + bytes, 0) / frames;
    const slack = (RESERVOIR_BYTES_PER_CHANNEL * channels) / frames + 1;
    if (Math.abs(unit.data.length - mean) > slack) return false;
    const stepBytes = (BITRATE_STEP * unit.durationSamples) / sampleRate / 8;
    const steps = Math.ceil(unit.data.length / stepBytes);
    return Math.floor(steps * stepBytes) === unit.data.length;
  }

  /** Bytes by which the reservoir must be short of full if frames of the bitrate have this many; 0 when it may be full. */
  #debt(frameBytes: number): number {
    let most = 0;
    let sum = 0;
    for (let i = this.#bytes.length - 1; i >= 0; i--) {
      // The bitrate may be up to a byte more: frames hold whole bytes.
      sum += this.#bytes[i]! - frameBytes - 1;
      most = Math.max(most, sum);
    }
    return most;
  }
}

function isFirstAttack({ elements }: RawDataBlock): boolean {
  const window = elements[0]?.channels[0]?.window;
  return window?.sequence === WindowSequence.eightShort && FIRST_ATTACK.includes(window.groups.join(''));
}

function hasSound(block: RawDataBlock): boolean {
  return block.elements.some(({ channels }) =>
    channels.some(({ codebooks }) => codebooks.some((group) => group.some((book) => book !== 0))),
  );
}
