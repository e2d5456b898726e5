import type { AudioEvent, DamageEvent, VideoEvent } from './capture/event.js';
import type { Finding } from './finding.js';
import type { PictureLook } from './picture/picture-look.js';
import type { Sound } from './signal/sound.js';

/** Takes a finding; its `timeMs` is on the capture's own clock here, and from its beginning once reported. */
export type Report = (finding: Finding) => void;

/** Looks at the coded stream. Every detector is pure: what it reports depends on what it was given alone. */
export interface StreamDetector {
  audio?(event: AudioEvent): void;
  video?(event: VideoEvent): void;
  damage?(event: DamageEvent): void;
  /** The capture is over. */
  end?(): void;
}

/** Looks at decoded sound. */
export interface SoundDetector {
  /** More sound is in: look at what can be judged by now. */
  advance(sound: Sound): void;
  /** No more will come. */
  end?(sound: Sound): void;
}

/** Detectors of both sorts that work together. */
export interface DetectorSet {
  readonly stream: readonly StreamDetector[];
  readonly sound: readonly SoundDetector[];
  /** What they know better of a finding of any detector, before it is told. */
  readonly revise?: (finding: Finding) => Finding;
}

/** Looks at decoded pictures, in display order. */
export interface PictureDetector {
  picture(look: PictureLook): void;
  end?(): void;
}
