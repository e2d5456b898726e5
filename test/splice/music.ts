/** Gliding and modulated tones with attacks, the same for the same seed. */
export function music(samples: number, seed: number, sampleRate = 48_000): Float32Array {
  let state = (seed * 2_654_435_761) >>> 0;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const out = Float32Array.from({ length: samples }, (_, i) => {
    const t = i / sampleRate;
    const glide = 0.25 * Math.sin(2 * Math.PI * (200 + 20 * seed + 20 * t) * t);
    const wobble = 0.15 * Math.sin(2 * Math.PI * 1_370 * t + Math.sin(2 * Math.PI * 3 * t));
    const swell = 0.1 * Math.sin(2 * Math.PI * 3_100 * t) * (1 + Math.sin(4 * Math.PI * t));
    return glide + wobble + swell + 0.01 * (random() - 0.5);
  });
  for (let attack = 0; attack < (4 * samples) / sampleRate; attack++) {
    const at = Math.floor(random() * samples);
    for (let i = 0; i < 600 && at + i < samples; i++)
      out[at + i]! += 0.3 * Math.exp(-i / 80) * (random() - 0.5);
  }
  return out;
}
