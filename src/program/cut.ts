import { NalType, nalType, splitLengthPrefixed } from '../codec/h264/nal.js';
import { sliceType } from '../codec/h264/slice.js';
import type { VideoUnit } from '../media/access-unit.js';

/**
 * Whether a stream can end right before this picture without leaving a hole: in decoding order, everything before a
 * picture that is not B is complete in presentation order too. Damage counts as a clean place: nothing better follows.
 */
export function isCleanCut(unit: VideoUnit): boolean {
  if (unit.isIdr) return true;
  try {
    for (const nal of splitLengthPrefixed(unit.data)) {
      const type = nalType(nal);
      if (type === NalType.slice || type === NalType.partitionA || type === NalType.idr) {
        return sliceType(nal) !== 'B';
      }
    }
  } catch {
    return true;
  }
  return true;
}
