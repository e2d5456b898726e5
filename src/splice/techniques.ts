/** The four techniques that make a seam inaudible; each can be left out, to measure what it is worth. */
export interface Techniques {
  /** The bridge's encoder is first fed the sound that really precedes the bridge; what comes of that is dropped. */
  readonly priming: boolean;
  /** Where a source ends without further sound, its last samples go on, mirrored and fading, to flush the encoder. */
  readonly duplicate: boolean;
  /** Sound off the grid is played a little faster or slower until it is on it, not cut or padded. */
  readonly rescale: boolean;
  /** Seam frames are chosen by their windows, and the overlap is rebuilt where windows still differ. */
  readonly reconstruct: boolean;
}

export type TechniqueName = keyof Techniques;

export const allTechniques: Techniques = { priming: true, duplicate: true, rescale: true, reconstruct: true };
