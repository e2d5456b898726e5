import { AnchorNetError } from '../../base/errors.js';
import type { Mp4Reader, LocatedSample } from '../../container/mp4/reader.js';
import type { CaptureEvent } from './event.js';

/**
 * An MP4's units as events, with the times of its tables.
 *
 * @param rewritten byte offsets are of a file that nobody sees
 * @throws MalformedMediaError when its boxes are damaged; UnsupportedMediaError when its edits rearrange the media
 */
export async function* mp4Events(
  reader: Mp4Reader,
  options: { readonly rewritten: boolean; readonly onRead: (bytes: number) => void },
): AsyncGenerator<CaptureEvent> {
  const counts = { audio: 0, video: 0 };
  for await (const located of reader.samples()) {
    const { kind, sample } = located;
    const byteOffset = options.rewritten ? undefined : sample.offset;
    options.onRead(sample.offset + sample.size);
    const place = { index: counts[kind]++, byteOffset };
    try {
      const event = asEvent(located, place);
      if (event !== undefined) yield event;
    } catch (error) {
      if (!(error instanceof AnchorNetError)) throw error;
      yield { type: 'damage', medium: kind, place, bytes: sample.size, message: error.message, fatal: false };
    }
  }
}

function asEvent(
  located: LocatedSample,
  place: { readonly index: number; readonly byteOffset: number | undefined },
): CaptureEvent | undefined {
  const { sample, shift, timescale } = located;
  const unit = located.build();
  if (unit === undefined) return undefined;
  const dts = sample.dts + shift;
  const stamp = { pts: dts + sample.compositionOffset, dts, timescale, duration: sample.duration };
  return unit.kind === 'audio'
    ? { type: 'audio', place, stamp, unit }
    : { type: 'video', place, stamp, unit };
}
