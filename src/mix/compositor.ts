import type { Picture } from '../libav/picture.js';
import { Scaler } from '../libav/scaler.js';
import { Surface, type PixelRect, type Yuv } from '../libav/surface.js';
import type { Aspect, LayoutTile } from '../media/program-settings.js';
import { hexToYuv } from './colour.js';
import { placePicture, tilePixels, type Placement } from './layout.js';
import { blend, dim, plateWithText, type Overlay } from './overlay.js';
import { placeholder } from './placeholder.js';
import { drawable } from './text.js';

/** What one tile of the canvas shows. */
export interface TileContent {
  /** Of the participant; the tile's scaled picture is kept by it. */
  readonly id: string;
  readonly name: string;
  readonly tile: LayoutTile;
  /** Without one a placeholder with the name's initials stands in. */
  readonly picture: Picture | undefined;
  /** Darkened under this line of text: the participant is gone for the moment. */
  readonly slateCaption?: string | undefined;
  readonly label: boolean;
}

export interface CompositorOptions {
  readonly width: number;
  readonly height: number;
  readonly background: string;
  readonly aspect: Aspect;
}

/** What a participant's tile was last drawn from, and the result at its final size. */
interface Tile {
  readonly scaler: Scaler;
  surface: Surface | undefined;
  placement: Placement | undefined;
  drawnFrom: Picture | undefined;
  key: string;
}

const DIMMED_TO = 0.35;

/**
 * Draws participants' pictures onto one canvas. Each keeps a small surface of its own that is scaled into only when its
 * picture is a new one, and copied onto the canvas each time.
 */
export class Compositor {
  readonly #options: CompositorOptions;
  readonly #canvas: Surface;
  readonly #background: Yuv;
  readonly #tiles = new Map<string, Tile>();
  /** By text and size; `undefined` for a text without a letter that can be drawn. */
  readonly #labels = new Map<string, Overlay | undefined>();
  #geometry = '';
  /** Pictures that libswscale could not take; their tile keeps its last one. */
  scaleErrors = 0;

  static open(options: CompositorOptions): Compositor {
    return new Compositor(options);
  }

  private constructor(options: CompositorOptions) {
    this.#options = options;
    this.#canvas = Surface.alloc(options.width, options.height);
    this.#background = hexToYuv(options.background);
  }

  /** @returns the canvas, valid until the next call */
  compose(contents: readonly TileContent[]): Surface {
    const drawn = contents.map((content) => ({
      content,
      rect: this.#rect(content),
      tile: this.#update(content),
    }));
    const geometry = drawn.map(({ content, tile }) => `${content.id} ${tile?.key}`).join();
    if (geometry !== this.#geometry) {
      this.#geometry = geometry;
      const { width, height } = this.#options;
      this.#canvas.fill({ x: 0, y: 0, width, height }, this.#background);
    }
    for (const { content, rect, tile } of drawn) {
      if (tile?.surface === undefined || tile.placement === undefined) continue;
      this.#canvas.copyFrom(tile.surface, tile.placement.seen, tile.placement.x, tile.placement.y);
      if (content.slateCaption !== undefined) this.#drawCaption(content.slateCaption, rect);
      else if (content.label) this.#drawLabel(content.name, rect);
    }
    return this.#canvas;
  }

  /** Gives back what was kept for a participant. */
  forget(id: string): void {
    const tile = this.#tiles.get(id);
    if (tile === undefined) return;
    this.#tiles.delete(id);
    tile.surface?.free();
    tile.scaler.close();
  }

  /** Idempotent. */
  close(): void {
    for (const id of [...this.#tiles.keys()]) this.forget(id);
    this.#canvas.free();
  }

  #rect(content: TileContent): PixelRect {
    return tilePixels(content.tile, this.#options);
  }

  #update(content: TileContent): Tile | undefined {
    const rect = this.#rect(content);
    if (rect.width < 2 || rect.height < 2) return undefined;
    const tile = this.#tileOf(content.id);
    const { picture, slateCaption } = content;
    const where = `${rect.x},${rect.y},${rect.width}x${rect.height}`;
    const source = picture === undefined ? `name ${content.name}` : `${picture.width}x${picture.height}`;
    const key = `${where} ${source} ${slateCaption === undefined ? '' : 'dimmed'}`;
    if (key === tile.key && picture === tile.drawnFrom) return tile;
    if (picture === undefined) this.#drawPlaceholder(tile, content.name, rect);
    else if (!this.#scale(tile, picture, rect, key)) return tile.surface === undefined ? undefined : tile;
    if (slateCaption !== undefined && tile.surface !== undefined) dim(tile.surface, DIMMED_TO);
    tile.drawnFrom = picture;
    tile.key = key;
    return tile;
  }

  #scale(tile: Tile, picture: Picture, rect: PixelRect, key: string): boolean {
    if (key !== tile.key || tile.surface === undefined) {
      const placement = placePicture(picture, rect, this.#options.aspect);
      if (placement === undefined) return false;
      this.#resize(tile, placement.scaled);
      tile.placement = placement;
      tile.key = '';
    }
    if (tile.surface !== undefined && tile.scaler.scale(picture, tile.surface)) return true;
    this.scaleErrors++;
    return false;
  }

  #drawPlaceholder(tile: Tile, name: string, rect: PixelRect): void {
    this.#resize(tile, rect);
    tile.placement = {
      scaled: rect,
      seen: { x: 0, y: 0, width: rect.width, height: rect.height },
      x: rect.x,
      y: rect.y,
    };
    placeholder(tile.surface!, name);
  }

  #resize(tile: Tile, { width, height }: { readonly width: number; readonly height: number }): void {
    if (tile.surface?.width === width && tile.surface.height === height) return;
    tile.surface?.free();
    tile.surface = Surface.alloc(width, height);
  }

  #tileOf(id: string): Tile {
    let tile = this.#tiles.get(id);
    if (tile === undefined) {
      tile = {
        scaler: Scaler.open(),
        surface: undefined,
        placement: undefined,
        drawnFrom: undefined,
        key: '',
      };
      this.#tiles.set(id, tile);
    }
    return tile;
  }

  #drawLabel(name: string, rect: PixelRect): void {
    const capital = Math.max(9, Math.min(22, Math.round(rect.height * 0.034)));
    const margin = 2 * Math.round(capital * 0.4);
    const overlay = this.#overlay(name, capital, rect.width - 2 * margin);
    if (overlay === undefined) return;
    const y = rect.y + rect.height - overlay.height - margin;
    if (overlay.width <= rect.width && y >= rect.y)
      blend(this.#canvas, overlay, rect.x + margin, y - (y % 2));
  }

  #drawCaption(caption: string, rect: PixelRect): void {
    const overlay = this.#overlay(caption, Math.max(9, Math.round(rect.height * 0.045)), rect.width - 16);
    if (overlay === undefined || overlay.width > rect.width || overlay.height > rect.height) return;
    const x = rect.x + ((rect.width - overlay.width) >> 1);
    const y = rect.y + ((rect.height - overlay.height) >> 1);
    blend(this.#canvas, overlay, x - (x % 2), y - (y % 2));
  }

  #overlay(text: string, capital: number, maxWidth: number): Overlay | undefined {
    const key = `${capital} ${maxWidth} ${text}`;
    if (!this.#labels.has(key)) {
      // Renames are rare: a full cache means that names are being changed to make it grow.
      if (this.#labels.size >= 64) this.#labels.clear();
      this.#labels.set(key, drawable(text) === '' ? undefined : plateWithText(text, capital, maxWidth));
    }
    return this.#labels.get(key);
  }
}
