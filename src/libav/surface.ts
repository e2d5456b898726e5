import { AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709 } from 'node-av/constants';
import { avImageCopy2, type Frame } from 'node-av/lib';
import { InternalError } from '../base/errors.js';
import { check, newFrame } from './native.js';

/** Whole pixels; all four even, so that they fall on chroma samples. */
export interface PixelRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A colour as limited-range BT.709 components, 16–235 and 16–240. */
export interface Yuv {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/**
 * A picture in yuv420p (limited-range BT.709) that lives long and is drawn on again and again: a canvas or a tile. Its plane views are taken
 * once, because each look at a frame's data registers its size anew with the collector.
 */
export class Surface {
  readonly width: number;
  readonly height: number;
  /** Y, U and V, `strides[i]` bytes per row. Views of libav's memory, valid until {@link free}. */
  readonly planes: readonly [Buffer, Buffer, Buffer];
  readonly strides: readonly [number, number, number];
  #frame: Frame | undefined;

  /** @throws NativeError when memory is short */
  static alloc(width: number, height: number): Surface {
    return new Surface(width, height);
  }

  private constructor(width: number, height: number) {
    if (width < 2 || height < 2 || width % 2 !== 0 || height % 2 !== 0) {
      throw new InternalError(`surface: expected even sides of at least 2 pixels, got ${width}x${height}`);
    }
    this.width = width;
    this.height = height;
    const frame = newFrame();
    frame.format = AV_PIX_FMT_YUV420P;
    frame.width = width;
    frame.height = height;
    frame.colorSpace = AVCOL_SPC_BT709;
    frame.colorRange = AVCOL_RANGE_MPEG;
    check(frame.getBuffer(0), 'surface buffer');
    const planes = frame.data;
    const [y, u, v] = planes ?? [];
    const [ys, us, vs] = frame.linesize;
    if (!y || !u || !v || !ys || !us || !vs) throw new InternalError('surface without three planes');
    this.planes = [y, u, v];
    this.strides = [ys, us, vs];
    this.#frame = frame;
    this.fill({ x: 0, y: 0, width, height }, { y: 16, u: 128, v: 128 });
  }

  /** The libav frame for the other classes of this folder; `undefined` once freed. */
  get frame(): Frame | undefined {
    return this.#frame;
  }

  fill(rect: PixelRect, colour: Yuv): void {
    const { x, y, width, height } = this.#clip(rect);
    const values = [colour.y, colour.u, colour.v];
    this.planes.forEach((plane, i) => {
      const shift = i === 0 ? 0 : 1;
      const stride = this.strides[i]!;
      for (let row = y >> shift; row < (y + height) >> shift; row++) {
        const start = row * stride + (x >> shift);
        plane.fill(values[i]!, start, start + (width >> shift));
      }
    });
  }

  /** Copies the part `from` of another surface to (x, y) of this one; sizes that do not fit are a defect of ours. */
  copyFrom(source: Surface, from: PixelRect, x: number, y: number): void {
    const target = { x, y, width: from.width, height: from.height };
    if (this.#frame === undefined || source.#frame === undefined)
      throw new InternalError('surface was freed');
    if (!this.#holds(target) || !source.#holds(from)) {
      throw new InternalError(
        `surface: ${from.width}x${from.height} from ${from.x},${from.y} of ${source.width}x${source.height} does not ` +
          `fit at ${x},${y} of ${this.width}x${this.height}`,
      );
    }
    avImageCopy2(
      this.#viewsAt(x, y),
      [...this.strides],
      source.#viewsAt(from.x, from.y),
      [...source.strides],
      AV_PIX_FMT_YUV420P,
      from.width,
      from.height,
    );
  }

  /** Idempotent. Nothing may touch {@link planes} afterwards. */
  free(): void {
    this.#frame?.free();
    this.#frame = undefined;
  }

  #viewsAt(x: number, y: number): Buffer[] {
    return this.planes.map((plane, i) => {
      const shift = i === 0 ? 0 : 1;
      return plane.subarray((y >> shift) * this.strides[i]! + (x >> shift));
    });
  }

  #holds({ x, y, width, height }: PixelRect): boolean {
    const even = [x, y, width, height].every((n) => Number.isInteger(n) && n >= 0 && n % 2 === 0);
    return even && x + width <= this.width && y + height <= this.height;
  }

  #clip(rect: PixelRect): PixelRect {
    const x = Math.max(0, rect.x);
    const y = Math.max(0, rect.y);
    const width = Math.max(0, Math.min(this.width, rect.x + rect.width) - x);
    const height = Math.max(0, Math.min(this.height, rect.y + rect.height) - y);
    return { x, y, width, height };
  }
}
