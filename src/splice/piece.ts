/** Samples of every frame of a spliced program. */
export const FRAME = 1024;

/** Access units of a source that follow each other on a grid of {@link FRAME} samples, without a gap. */
export interface UnitGrid {
  /** Source time of what the first unit decodes to, in samples. */
  readonly origin: number;
  readonly count: number;
  /** @param index 0…count−1 */
  read(index: number): Promise<Buffer>;
}

/** A stretch of a source on its way into the program. All times are samples at the program's rate. */
export interface SplicePiece {
  /** Source time of the in point. */
  readonly start: number;
  readonly length: number;
  /**
   * Decoded sound of the source from `from` up to `to`, which may lie before the in point or after the out point; silence
   * where there is none. One array per channel of the program, owned by the caller.
   */
  pcm(from: number, to: number): Promise<Float32Array[]>;
  /** Source time in which there is sound. */
  readonly available: { readonly from: number; readonly to: number };
  /** The source's own units, where they have the program's configuration: these may be passed through. */
  readonly units?: UnitGrid | undefined;
}
