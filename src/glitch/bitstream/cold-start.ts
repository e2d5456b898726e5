import { WindowSequence } from '../../codec/aac/channel-stream.js';
import type { RawDataBlock } from '../../codec/aac/raw-data-block.js';
import type { AacFrame } from './aac-frame.js';

/** Frames over which the usual size is taken. */
const USUAL_FRAMES = 32;
/** An encoder with a full bit reservoir fills an empty frame up to its usual size. */
const FILLED_UP = 0.85;
/** How fdk groups its short windows when sound begins where its delay ends. */
const FIRST_ATTACK = ['3131', '3113'];

/**
 * The first frames of libfdk_aac after those of another run: an empty LONG_START that is filled up to the full bitrate,
 * for the delay, and short windows for the sound's beginning right after it.
 */
export class ColdStart {
  #usualBytes = 0;
  #frames = 0;
  #wasCoded = false;
  #candidate: AacFrame | undefined;

  /** @returns the run's first frame, once the second one is in */
  frame(frame: AacFrame): AacFrame | undefined {
    const { block, event } = frame;
    const bytes = event.unit.data.length;
    const candidate = this.#candidate;
    this.#candidate = undefined;
    const isCoded = block !== undefined && hasSound(block);
    const window = block?.elements[0]?.channels[0]?.window;
    if (
      this.#frames >= USUAL_FRAMES &&
      this.#wasCoded &&
      block?.sideElements.includes('fill') === true &&
      !isCoded &&
      window?.sequence === WindowSequence.longStart &&
      bytes >= FILLED_UP * this.#usualBytes
    ) {
      this.#candidate = frame;
    }
    this.#wasCoded = isCoded;
    this.#frames++;
    this.#usualBytes += (bytes - this.#usualBytes) / Math.min(this.#frames, USUAL_FRAMES);
    const isAttack =
      isCoded &&
      window?.sequence === WindowSequence.eightShort &&
      FIRST_ATTACK.includes(window.groups.join(''));
    return isAttack ? candidate : undefined;
  }
}

function hasSound(block: RawDataBlock): boolean {
  return block.elements.some(({ channels }) =>
    channels.some(({ codebooks }) => codebooks.some((group) => group.some((book) => book !== 0))),
  );
}
