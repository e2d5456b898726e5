import { parseAsc } from '../../codec/aac/asc.js';
import type { AudioEvent, Capture, CaptureEvent, PcmEvent } from './event.js';

/** Of the sound that is listened to: only the first two channels are. */
export interface SoundFormat {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** Of what a unit decodes to: HE-AAC has twice the rate that its container tells. */
export function soundFormatOf(event: AudioEvent | PcmEvent): SoundFormat {
  if (event.type === 'pcm') {
    const { sampleRate, channels } = event.block;
    return { sampleRate, channels: channels.length === 1 ? 1 : 2 };
  }
  const { config } = event.unit;
  const extended = config.codec === 'aac' ? parseAsc(config.asc).extensionSampleRate : undefined;
  return { sampleRate: extended ?? config.sampleRate, channels: config.channels === 1 ? 1 : 2 };
}

/** Sound begins within the first seconds, or there is none. */
const MAX_EVENTS = 1000;

/**
 * Reads on until the first sound to know its format.
 *
 * @returns the format, undefined when there is no sound; and the capture, whose events begin at its beginning as before
 */
export async function withSoundFormat(
  capture: Capture,
): Promise<{ readonly capture: Capture; readonly format: SoundFormat | undefined }> {
  const events = capture.events()[Symbol.asyncIterator]();
  const held: CaptureEvent[] = [];
  let format: SoundFormat | undefined;
  while (format === undefined && held.length < MAX_EVENTS) {
    const step = await events.next();
    if (step.done === true) break;
    held.push(step.value);
    if (step.value.type === 'audio' || step.value.type === 'pcm') format = soundFormatOf(step.value);
  }
  async function* again(): AsyncGenerator<CaptureEvent> {
    yield* held.splice(0);
    yield* { [Symbol.asyncIterator]: () => events };
  }
  return { capture: { ...capture, events: again }, format };
}
