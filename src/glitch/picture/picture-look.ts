/** A decoded picture, made small: enough to see whether it is black or the same as before. */
export interface PictureLook {
  /** On the capture's own clock. */
  readonly timeMs: number;
  readonly unit: number | undefined;
  readonly byteOffset: number | undefined;
  /** Coded anew: every pixel of it may differ a little from the picture before, although nothing moved. */
  readonly isIdr: boolean;
  /** Luma of the picture scaled to {@link LOOK_WIDTH} × {@link LOOK_HEIGHT}, row by row, 16–235. */
  readonly luma: Uint8Array;
}

export const LOOK_WIDTH = 64;
export const LOOK_HEIGHT = 36;
