import { AudioDecoder } from '../../src/libav/audio-decoder.js';
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

/** Decodes what {@link encodeUnits} made, so that sample `n` is that of the sound it was made of. */
export function decodeUnits(units: readonly AacUnit[], delaySamples: number): Stereo {
  const decoder = AudioDecoder.open({ sampleRate: RATE, channels: 2 });
  const length = units.reduce((sum, { durationSamples }) => sum + durationSamples, 0);
  const out: Stereo = [new Float32Array(length), new Float32Array(length)];
  let at = 0;
  for (const unit of units) {
    const block = decoder.decode({ ...unit, pts: at });
    block?.channels.forEach((samples, channel) => out[channel]!.set(samples, at));
    at += block?.channels[0]?.length ?? 0;
  }
  decoder.close();
  return [out[0].subarray(delaySamples), out[1].subarray(delaySamples)];
}
