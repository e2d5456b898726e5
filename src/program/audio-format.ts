import { parseAsc } from '../codec/aac/asc.js';
import type { AudioConfig } from '../media/access-unit.js';
import type { ProgramSettings } from '../media/program-settings.js';
import { FRAME } from '../splice/piece.js';

/** What stays the same for all of a program's sound, so that its AudioSpecificConfig never changes. */
export interface AudioFormat {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** Rates that a program may have. */
const RATES: readonly number[] = [44_100, 48_000];

/**
 * The format of a program through which units of this configuration can be passed: AAC-LC in frames of 1024 samples, of
 * one or two channels. Undefined for all others.
 */
export function passableFormat(config: AudioConfig): AudioFormat | undefined {
  if (config.codec !== 'aac') return undefined;
  try {
    const { objectType, extensionSampleRate, frameLength, sampleRate, channels } = parseAsc(config.asc);
    if (objectType !== 2 || extensionSampleRate !== undefined || frameLength !== FRAME) return undefined;
    if (!RATES.includes(sampleRate) || (channels !== 1 && channels !== 2)) return undefined;
    return { sampleRate, channels };
  } catch {
    // Damage: nothing of it decodes either.
    return undefined;
  }
}

export function sameFormat(a: AudioFormat, b: AudioFormat): boolean {
  return a.sampleRate === b.sampleRate && a.channels === b.channels;
}

export function formatOf({ audioSampleRate, audioChannels }: ProgramSettings): AudioFormat {
  return { sampleRate: audioSampleRate, channels: audioChannels };
}

/** The same settings with sound of this format, where there is one. */
export function withFormat(settings: ProgramSettings, format: AudioFormat | undefined): ProgramSettings {
  if (format === undefined) return settings;
  return { ...settings, audioSampleRate: format.sampleRate, audioChannels: format.channels };
}
