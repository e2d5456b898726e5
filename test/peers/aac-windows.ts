import { parseAsc } from '../../src/codec/aac/asc.js';
import { channelWindows, parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { leftSlope, rightSlope } from '../../src/codec/aac/window.js';
import type { AacUnit } from '../../src/media/access-unit.js';

/**
 * Where a unit's windows may not follow those of the unit before it (ISO/IEC 14496-3 §4.6.11.3.2): decoders make of that
 * what they like. Each unit is parsed to its end, so damage throws.
 */
export function illegalWindowSteps(units: readonly AacUnit[]): number[] {
  const windows = units.map(({ data, config }) =>
    channelWindows(parseRawDataBlock(data, parseAsc(config.asc))),
  );
  return windows.flatMap((own, i) => {
    const before = windows[i - 1];
    const fits = own.every(({ sequence }, channel) => {
      const earlier = before?.[channel];
      return earlier === undefined || rightSlope(earlier.sequence) === leftSlope(sequence);
    });
    return fits ? [] : [i];
  });
}
