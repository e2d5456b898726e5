import { WindowSequence, type WindowInfo } from '../../codec/aac/channel-stream.js';
import { channelWindows } from '../../codec/aac/raw-data-block.js';
import type { Report } from '../detector.js';
import type { AacDetector, AacFrame } from './aac-frame.js';

const names: Readonly<Record<WindowSequence, string>> = {
  [WindowSequence.onlyLong]: 'ONLY_LONG',
  [WindowSequence.longStart]: 'LONG_START',
  [WindowSequence.eightShort]: 'EIGHT_SHORT',
  [WindowSequence.longStop]: 'LONG_STOP',
};

/** Overlaps of a block with its neighbours are long or short (ISO/IEC 14496-3 §4.6.11.3.3). */
function endsShort(sequence: WindowSequence): boolean {
  return sequence === WindowSequence.longStart || sequence === WindowSequence.eightShort;
}

function beginsShort(sequence: WindowSequence): boolean {
  return sequence === WindowSequence.longStop || sequence === WindowSequence.eightShort;
}

/** Two blocks whose overlaps differ in length cannot follow each other: their aliases do not cancel. */
export class IllegalWindow implements AacDetector {
  readonly #report: Report;
  #last: { readonly windows: readonly WindowInfo[]; readonly index: number } | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  frame({ event, block, timeMs }: AacFrame): void {
    const last = this.#last;
    this.#last =
      block === undefined ? undefined : { windows: channelWindows(block), index: event.place.index };
    if (block === undefined || last === undefined || last.windows.length !== this.#last?.windows.length)
      return;
    // A damaged frame between them has been reported.
    if (event.place.index !== last.index + 1) return;
    const bad: string[] = [];
    for (const [channel, { sequence }] of this.#last.windows.entries()) {
      const before = last.windows[channel]!.sequence;
      if (endsShort(before) === beginsShort(sequence)) continue;
      bad.push(`channel ${channel + 1}: ${names[before]} then ${names[sequence]}`);
    }
    if (bad.length === 0) return;
    this.#report({
      kind: 'illegal-window',
      medium: 'audio',
      severity: 'major',
      reason:
        'aliases do not cancel: the overlap is only 11 to 13 dB above its own error, and decoders differ in it',
      timeMs,
      durationMs: (event.unit.durationSamples * 1000) / event.unit.config.sampleRate,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { windows: bad.join('; ') },
      cause: 'frames of two encoder runs were joined without a bridge, or frames between them were lost',
    });
  }
}
