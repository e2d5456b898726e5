/** A run of decoded audio. */
export interface PcmBlock {
  /** Samples per second per channel. */
  readonly sampleRate: number;
  /** Time of the first sample, in samples at `sampleRate`. */
  readonly pts: number;
  /** One array per channel, all of one length, full scale ±1. Owned by whoever holds the block. */
  readonly channels: readonly Float32Array[];
}
