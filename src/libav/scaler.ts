import { AVCOL_RANGE_JPEG, AVCOL_SPC_BT709, AVCOL_SPC_UNSPECIFIED } from 'node-av/constants';
import { SoftwareScaleContext } from 'node-av/lib';
import { check } from './native.js';
import type { Picture } from './picture.js';
import type { Surface } from './surface.js';

/** `area` is the mean of the pixels that become one: for pictures made much smaller, in less than half of the time. */
export type ScalerFilter = 'bilinear' | 'area';

/**
 * Scales decoded pictures of any size and format onto a surface (libswscale) and brings their matrix and range
 * to the surface's, limited-range BT.709. Pictures that do not tell their matrix are taken as BT.709: so does Chromium
 * for media source extensions, whatever the size, and so the program is played. Set up anew when the geometry changes.
 */
export class Scaler {
  readonly #filter: ScalerFilter;
  #context: SoftwareScaleContext | undefined;
  #key = '';

  static open(filter: ScalerFilter = 'bilinear'): Scaler {
    return new Scaler(filter);
  }

  private constructor(filter: ScalerFilter) {
    this.#filter = filter;
  }

  /** @returns false, leaving the surface as it was, when libswscale cannot take the picture */
  scale(picture: Picture, target: Surface): boolean {
    const source = picture.frame;
    const destination = target.frame;
    if (source === undefined || destination === undefined) return false;
    // libswscale would take what is not told for BT.601.
    if (source.colorSpace === AVCOL_SPC_UNSPECIFIED) source.colorSpace = AVCOL_SPC_BT709;
    const { width, height, format, colorSpace, colorRange } = source;
    const key = `${width}x${height}/${format}/${colorSpace}/${colorRange}>${target.width}x${target.height}`;
    if (key !== this.#key || this.#context === undefined) {
      this.close();
      // Without a fixed set-up libswscale goes by what each frame says of itself, colours included.
      const context = new SoftwareScaleContext();
      context.allocContext();
      // A change of matrix goes by way of RGB, where rounding down twice shows; without one it is the same and slower.
      const isSame = colorSpace === AVCOL_SPC_BT709 && colorRange !== AVCOL_RANGE_JPEG;
      const flags = isSame ? this.#filter : `${this.#filter}+accurate_rnd`;
      check(context.setOption('sws_flags', flags), 'scaler option sws_flags');
      this.#context = context;
      this.#key = key;
    }
    return this.#context.scaleFrameSync(destination, source) >= 0;
  }

  /** Idempotent. */
  close(): void {
    this.#context?.freeContext();
    this.#context = undefined;
    this.#key = '';
  }
}
