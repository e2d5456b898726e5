import type { AccessUnit } from '../../media/access-unit.js';
import { FlvTagReader } from './tag-reader.js';
import { FlvUnitReader } from './unit-reader.js';

/** FLV bytes, in pieces of any size → access units: {@link FlvTagReader} and {@link FlvUnitReader} in one. */
export class FlvDemuxer {
  readonly #tags = new FlvTagReader();
  readonly #units = new FlvUnitReader();

  get metadata(): FlvUnitReader['metadata'] {
    return this.#units.metadata;
  }

  get stats(): FlvUnitReader['stats'] {
    return this.#units.stats;
  }

  /**
   * @throws MalformedMediaError when the bytes are damaged
   * @throws UnsupportedMediaError when a codec is none of H.264 and AAC
   */
  push(chunk: Buffer): AccessUnit[] {
    const units: AccessUnit[] = [];
    for (const tag of this.#tags.push(chunk)) {
      const unit = this.#units.read(tag);
      if (unit !== undefined) units.push(unit);
    }
    return units;
  }
}
