import { sameConfig, type AudioConfig, type VideoConfig } from '../../media/access-unit.js';
import type { AudioEvent, VideoEvent } from '../capture/event.js';
import type { Report, StreamDetector } from '../detector.js';
import { audioTimeMs } from './aac-frame.js';

/** Decoder configurations that change within the stream: sound, and the size of the picture. */
export class ConfigChange implements StreamDetector {
  readonly #report: Report;
  #audio: AudioConfig | undefined;
  #video: VideoConfig | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  audio(event: AudioEvent): void {
    const { config } = event.unit;
    const before = this.#audio;
    if (before === config) return;
    this.#audio = config;
    if (before === undefined || sameConfig(before, config)) return;
    const isAudible = before.sampleRate !== config.sampleRate || before.channels !== config.channels;
    this.#report({
      kind: 'config-change',
      medium: 'audio',
      severity: isAudible ? 'major' : 'minor',
      reason: isAudible
        ? 'many players stop, or play on at the wrong rate or with the wrong channels'
        : 'players open their decoder anew, which costs a frame of overlap',
      timeMs: audioTimeMs(event),
      durationMs: 0,
      unit: event.place.index,
      byteOffset: event.place.byteOffset,
      measured: { before: describe(before), after: describe(config) },
      cause: 'streams of different encoders or settings were joined',
    });
  }

  video({ unit, stamp, place }: VideoEvent): void {
    const before = this.#video;
    this.#video = unit.config;
    if (before === undefined || before === unit.config) return;
    if (before.width === unit.config.width && before.height === unit.config.height) return;
    this.#report({
      kind: 'resolution-change',
      medium: 'video',
      severity: 'minor',
      reason: 'players that follow the standards go on, others stop; the picture’s sharpness changes',
      timeMs: (stamp.pts * 1000) / stamp.timescale,
      durationMs: 0,
      unit: place.index,
      byteOffset: place.byteOffset,
      measured: {
        before: `${before.width}x${before.height}`,
        after: `${unit.config.width}x${unit.config.height}`,
      },
      cause: 'the sender changed its picture size, or streams of different size were joined',
    });
  }
}

function describe(config: AudioConfig): string {
  const asc = config.codec === 'aac' ? `, ${config.asc.toString('hex')}` : '';
  return `${config.codec} ${config.sampleRate} Hz, ${config.channels} ch${asc}`;
}
