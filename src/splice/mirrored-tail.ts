/**
 * Sound that ends goes on with its last samples mirrored, fading out: nothing breaks off, and an encoder ends its last
 * block on what it began it with.
 *
 * @param tail the last samples, one array per channel
 * @param out what follows is written over its samples; one array per channel
 * @param end where in `out` the sound has ended; may lie before its first sample, or past its last one
 */
export function continueMirrored(
  tail: readonly Float32Array[],
  out: readonly Float32Array[],
  end: number,
): void {
  for (const [channel, samples] of tail.entries()) {
    const written = out[channel]!;
    const last = Math.min(samples.length, written.length - end);
    for (let n = Math.max(0, -end); n < last; n++) {
      const fade = 0.5 + 0.5 * Math.cos((Math.PI * (n + 1)) / samples.length);
      written[end + n] = samples[samples.length - 1 - n]! * fade;
    }
  }
}
