import type { Finding } from '../finding.js';
import type { StampedUnit } from './recent-stamps.js';
import { MARGIN, type SoundWindow } from './recent-sound.js';
import { drawSpectrogram } from './spectrogram.js';
import { drawWaveform, type Waveform } from './waveform.js';

/** What lies around a finding, as it was remembered. */
export interface Surrounding {
  readonly finding: Finding;
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined when there is no sound near it. */
  readonly sound: SoundWindow | undefined;
  /** Units within the window. */
  readonly lanes: Readonly<Record<'audio' | 'video', readonly StampedUnit[]>>;
  /** Units next to the finding. */
  readonly stamps: Readonly<Record<'audio' | 'video', readonly StampedUnit[]>>;
}

/** A finding and what lies around it, drawn. Times count from the capture's beginning. */
export interface CloseUp extends Omit<Surrounding, 'sound'> {
  readonly sound:
    | {
        readonly sampleRate: number;
        readonly spans: SoundWindow['spans'];
        readonly channels: readonly {
          readonly waveform: Waveform;
          /** A PNG: {@link drawSpectrogram}. */
          readonly spectrogram: Uint8Array;
        }[];
      }
    | undefined;
}

export function drawCloseUp(surrounding: Surrounding, originMs: number): CloseUp {
  const { finding, fromMs, toMs, sound, lanes, stamps } = surrounding;
  const shift = (units: readonly StampedUnit[]): StampedUnit[] =>
    units.map((unit) => ({ ...unit, ptsMs: unit.ptsMs - originMs, dtsMs: unit.dtsMs - originMs }));
  return {
    finding: { ...finding, timeMs: finding.timeMs - originMs },
    fromMs: fromMs - originMs,
    toMs: toMs - originMs,
    lanes: { audio: shift(lanes.audio), video: shift(lanes.video) },
    stamps: { audio: shift(stamps.audio), video: shift(stamps.video) },
    sound: sound && {
      sampleRate: sound.sampleRate,
      spans: sound.spans.map(([from, to]) => [from - originMs, to - originMs] as const),
      channels: sound.channels.map((samples) => ({
        waveform: drawWaveform(samples.subarray(MARGIN, samples.length - MARGIN)),
        spectrogram: drawSpectrogram(samples, MARGIN),
      })),
    },
  };
}
