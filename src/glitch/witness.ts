import type { CaptureEvent } from './capture/event.js';
import type { Finding } from './finding.js';
import type { SoundPlace } from './signal/place-map.js';

/** Sees what an analysis sees, for whoever draws it. All times are on the capture's own clock, not from its beginning. */
export interface Witness {
  event(event: CaptureEvent): void;
  /** Decoded sound of one unit or block, as the detectors get it; one or two channels, always at the same rate. */
  sound(channels: readonly Float32Array[], sampleRate: number, place: SoundPlace): void;
  /** A finding that nothing explains better. */
  finding(finding: Finding): void;
}
