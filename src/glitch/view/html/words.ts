import type { Finding } from '../../finding.js';

/** Where in the stream a finding lies. */
export function whereOf({ medium, unit, byteOffset }: Finding): string {
  return [
    medium === 'audio' ? 'sound' : 'pictures',
    ...(unit === undefined || unit < 0 ? [] : [`unit ${unit}`]),
    ...(byteOffset === undefined ? [] : [`byte ${byteOffset} (0x${byteOffset.toString(16)})`]),
  ].join(', ');
}

/** Of the first two channels: no others are listened to. */
export function channelNames(channels: number): readonly string[] {
  return channels === 1 ? ['Mono'] : ['Left', 'Right'];
}

/** `jumpDb` → `jump dB`: the units of figures are in their names. */
export function figureName(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/\bdb\b/, 'dB')
    .replace(/\bhz\b/, 'Hz')
    .replace(/\bav\b/, 'A/V');
}

export function milliseconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}
