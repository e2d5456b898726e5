import type { DecoderConfig } from '../media/access-unit.js';
import { parseAsc } from './aac/asc.js';

/**
 * The `codecs` parameter of a configuration, RFC 6381 §3.3: e.g. `avc1.64001f`, `mp4a.40.2`, `opus`.
 *
 * @throws MalformedMediaError when the configuration is damaged
 */
export function codecString(config: DecoderConfig): string {
  if (config.codec === 'h264') return `avc1.${config.avcc.subarray(1, 4).toString('hex')}`;
  if (config.codec === 'opus') return 'opus';
  const { objectType, extensionSampleRate, parametricStereo } = parseAsc(config.asc);
  if (parametricStereo === true) return 'mp4a.40.29';
  return `mp4a.40.${extensionSampleRate === undefined ? objectType : 5}`;
}
