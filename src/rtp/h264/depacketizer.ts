import { NalType } from '../../codec/h264/nal.js';
import type { VideoConfig } from '../../media/access-unit.js';
import { MalformedMediaError } from '../../base/errors.js';
import { ParameterSets } from './parameter-sets.js';
import { FU_A, STAP_A } from './payload.js';

export interface VideoPacket {
  /** Unwrapped, 90 kHz. */
  readonly timestamp: number;
  readonly marker: boolean;
  /** Kept until the picture is complete. */
  readonly payload: Buffer;
  readonly arrivalUs: number;
}

export interface DepacketizedPicture {
  readonly config: VideoConfig;
  readonly timestamp: number;
  readonly isIdr: boolean;
  /** As in VideoUnit: no parameter sets, no delimiters, lengths of 4 bytes. */
  readonly data: Buffer;
  /** When its last packet came. */
  readonly arrivalUs: number;
}

const MAX_PICTURE_BYTES = 8 << 20;
const MAX_NALS = 2_048;

interface Assembly {
  readonly timestamp: number;
  readonly nals: { readonly parts: Buffer[]; bytes: number }[];
  bytes: number;
  hasSlice: boolean;
  isIdr: boolean;
  damaged: boolean;
  fragmentOpen: boolean;
  arrivalUs: number;
}

/**
 * H.264 pictures from RTP payloads in order (RFC 6184, packetization-mode 1: single NAL units, STAP-A, FU-A). After
 * damage nothing comes out until an undamaged IDR, because every picture refers to the one before.
 */
export class H264Depacketizer {
  readonly #sets: ParameterSets;
  #assembly: Assembly | undefined;
  #awaitingIdr = true;
  #dropped = 0;

  /** @param fmtp format parameters of the SDP */
  constructor(fmtp = '') {
    this.#sets = new ParameterSets(fmtp);
  }

  /** Nothing can come out before an IDR: it should be asked for. */
  get awaitingIdr(): boolean {
    return this.#awaitingIdr;
  }

  /** Pictures thrown away because they, or what they refer to, were damaged. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param lostBefore whether packets before this one are gone for good */
  push(packet: VideoPacket, lostBefore: boolean): DepacketizedPicture[] {
    const out: DepacketizedPicture[] = [];
    if (lostBefore) this.#loss();
    if (this.#assembly && this.#assembly.timestamp !== packet.timestamp) this.#finish(out);
    if (packet.payload.length > 0) {
      this.#assembly ??= newAssembly(packet.timestamp);
      this.#assembly.arrivalUs = packet.arrivalUs;
      this.#takePayload(this.#assembly, packet.payload);
    }
    if (packet.marker && this.#assembly) this.#finish(out);
    return out;
  }

  #loss(): void {
    this.#awaitingIdr = true;
    if (!this.#assembly) return;
    // What is lost may be the end of this picture, or the start of the next: neither can be told.
    this.#dropped++;
    this.#assembly = undefined;
  }

  #takePayload(assembly: Assembly, payload: Buffer): void {
    if (assembly.damaged) return;
    const type = payload[0]! & 0x1f;
    if (type === FU_A) {
      this.#takeFragment(assembly, payload);
    } else if (assembly.fragmentOpen) {
      assembly.damaged = true;
    } else if (type === STAP_A) {
      let at = 1;
      while (at + 2 <= payload.length) {
        const end = at + 2 + payload.readUInt16BE(at);
        if (end > payload.length) break;
        if (end > at + 2) this.#takeNal(assembly, payload.subarray(at + 2, end));
        at = end;
      }
      assembly.damaged ||= at !== payload.length;
    } else if (type >= 1 && type <= 23) {
      this.#takeNal(assembly, payload);
    } else {
      assembly.damaged = true;
    }
    assembly.damaged ||= assembly.bytes > MAX_PICTURE_BYTES || assembly.nals.length > MAX_NALS;
    if (assembly.damaged) assembly.nals.length = 0;
  }

  /** RFC 6184 §5.8. */
  #takeFragment(assembly: Assembly, payload: Buffer): void {
    if (payload.length < 3) {
      assembly.damaged = true;
      return;
    }
    const header = payload[1]!;
    const fragment = payload.subarray(2);
    const isStart = (header & 0x80) !== 0;
    if (isStart === assembly.fragmentOpen) {
      assembly.damaged = true;
      return;
    }
    if (isStart) {
      const nalHeader = Buffer.from([(payload[0]! & 0xe0) | (header & 0x1f)]);
      this.#noteSlice(assembly, header & 0x1f, fragment[0]!);
      assembly.nals.push({ parts: [nalHeader, fragment], bytes: 1 + fragment.length });
      assembly.bytes += 1;
    } else {
      const open = assembly.nals.at(-1)!;
      open.parts.push(fragment);
      open.bytes += fragment.length;
    }
    assembly.bytes += fragment.length;
    assembly.fragmentOpen = (header & 0x40) === 0;
    if (assembly.fragmentOpen) return;
    const nal = assembly.nals.at(-1)!;
    if (isOutOfBand(header & 0x1f)) {
      assembly.nals.pop();
      this.#sets.add(Buffer.concat(nal.parts));
    }
  }

  #takeNal(assembly: Assembly, nal: Buffer): void {
    const type = nal[0]! & 0x1f;
    if (isOutOfBand(type)) {
      this.#sets.add(nal);
      return;
    }
    if (nal.length < 2) return;
    this.#noteSlice(assembly, type, nal[1]!);
    assembly.nals.push({ parts: [nal], bytes: nal.length });
    assembly.bytes += nal.length;
  }

  /** @param first the first byte of the slice header; its first bit is 1 exactly when first_mb_in_slice is 0 (§7.3.3) */
  #noteSlice(assembly: Assembly, type: number, first: number): void {
    if (type < NalType.slice || type > NalType.idr) return;
    if (!assembly.hasSlice && (first & 0x80) === 0) assembly.damaged = true;
    assembly.hasSlice = true;
    assembly.isIdr ||= type === NalType.idr;
  }

  #finish(out: DepacketizedPicture[]): void {
    const assembly = this.#assembly!;
    this.#assembly = undefined;
    if (!assembly.damaged && !assembly.hasSlice) return;
    const config = this.#configFor(assembly);
    if (!config) {
      this.#dropped++;
      this.#awaitingIdr = true;
      return;
    }
    this.#awaitingIdr = false;
    out.push({
      config,
      timestamp: assembly.timestamp,
      isIdr: assembly.isIdr,
      data: join(assembly),
      arrivalUs: assembly.arrivalUs,
    });
  }

  #config: VideoConfig | undefined;

  #configFor(assembly: Assembly): VideoConfig | undefined {
    if (assembly.damaged || assembly.fragmentOpen) return undefined;
    if (!assembly.isIdr) return this.#awaitingIdr ? undefined : this.#config;
    try {
      this.#config = this.#sets.atIdr();
    } catch (error) {
      if (!(error instanceof MalformedMediaError)) throw error;
      this.#config = undefined;
    }
    return this.#config;
  }
}

function newAssembly(timestamp: number): Assembly {
  return {
    timestamp,
    nals: [],
    bytes: 0,
    hasSlice: false,
    isIdr: false,
    damaged: false,
    fragmentOpen: false,
    arrivalUs: 0,
  };
}

/** NAL units that a VideoUnit does not carry. */
function isOutOfBand(type: number): boolean {
  return (
    type === NalType.sps ||
    type === NalType.pps ||
    type === NalType.accessUnitDelimiter ||
    type === NalType.endOfSequence ||
    type === NalType.endOfStream ||
    type === NalType.filler ||
    type === NalType.spsExtension
  );
}

function join(assembly: Assembly): Buffer {
  const out = Buffer.allocUnsafe(assembly.bytes + 4 * assembly.nals.length);
  let at = 0;
  for (const nal of assembly.nals) {
    at = out.writeUInt32BE(nal.bytes, at);
    for (const part of nal.parts) at += part.copy(out, at);
  }
  return out;
}
