import { BitReader } from '../../codec/bit-reader.js';
import { videoConfigFromParameterSets } from '../../codec/h264/avcc.js';
import { NalType, nalType } from '../../codec/h264/nal.js';
import { sameConfig, type VideoConfig } from '../../media/access-unit.js';

const MAX_SPS = 4;
const MAX_PPS = 16;
const MAX_SET_BYTES = 4_096;

/**
 * The parameter sets of one stream and the configuration that follows from them. Sets are collected as they come and
 * count from the next IDR on.
 */
export class ParameterSets {
  readonly #newSps = new Map<number, Buffer>();
  readonly #newPps = new Map<number, Buffer>();
  #sps = new Map<number, Buffer>();
  #pps = new Map<number, Buffer>();
  #config: VideoConfig | undefined;

  /** @param fmtp format parameters of the SDP, whose sprop-parameter-sets (RFC 6184 §8.1) are the first sets */
  constructor(fmtp = '') {
    const sprop = /(?:^|;)\s*sprop-parameter-sets=([^;\s]+)/i.exec(fmtp)?.[1];
    for (const set of sprop?.split(',') ?? []) this.add(Buffer.from(set, 'base64'));
  }

  /** Takes an SPS or a PPS; copies it. Damaged and oversized ones are left out. */
  add(nal: Buffer): void {
    if (nal.length < 2 || nal.length > MAX_SET_BYTES) return;
    const type = nalType(nal);
    if (type !== NalType.sps && type !== NalType.pps) return;
    const id = setId(nal, type === NalType.sps ? 4 : 1);
    if (id === undefined) return;
    const sets = type === NalType.sps ? this.#newSps : this.#newPps;
    sets.set(id, Buffer.from(nal));
    if (sets.size > (type === NalType.sps ? MAX_SPS : MAX_PPS)) {
      const [oldest] = sets.keys();
      sets.delete(oldest!);
    }
  }

  /**
   * The configuration of an IDR that comes now; the same object as long as nothing changes.
   *
   * @returns undefined while there is no SPS and PPS
   * @throws MalformedMediaError when the SPS is damaged
   */
  atIdr(): VideoConfig | undefined {
    if (this.#newSps.size === 0 && this.#newPps.size === 0) return this.#config;
    if (this.#newSps.size > 0) {
      this.#sps = new Map(this.#newSps);
      if (this.#newPps.size > 0) this.#pps = new Map();
    }
    for (const [id, set] of this.#newPps) this.#pps.set(id, set);
    this.#newSps.clear();
    this.#newPps.clear();
    if (this.#sps.size === 0 || this.#pps.size === 0) return undefined;
    const config = videoConfigFromParameterSets([...this.#sps.values()], [...this.#pps.values()]);
    if (!this.#config || !sameConfig(this.#config, config)) this.#config = config;
    return this.#config;
  }
}

/** seq_parameter_set_id or pic_parameter_set_id: the ue(v) at `offset` bytes. */
function setId(nal: Buffer, offset: number): number | undefined {
  if (nal.length <= offset) return undefined;
  try {
    return new BitReader(nal.subarray(offset, offset + 8), 'parameter set').unsignedExpGolomb();
  } catch {
    return undefined;
  }
}
