import { AacEncoder } from '../../src/libav/aac-encoder.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { RATE, type Stereo } from './sounds.js';

export function encodeUnits(
  sound: Stereo,
  { encoder, bitrateBps }: { readonly encoder: 'libfdk_aac' | 'aac'; readonly bitrateBps: number },
): { units: AacUnit[]; delaySamples: number } {
  const aac = AacEncoder.open({ encoder, sampleRate: RATE, channels: 2, bitrateBps });
  const units = [...aac.encode({ sampleRate: RATE, pts: 0, channels: sound }), ...aac.flush()];
  return { units, delaySamples: aac.delaySamples };
}
