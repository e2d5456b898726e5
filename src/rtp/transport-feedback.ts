/**
 * The transport-wide congestion control feedback packet,
 * draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
 */
export interface TransportFeedback {
  readonly type: 'twcc';
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  /** 16 bits: of the first packet reported on. */
  readonly baseSequence: number;
  /** 8 bits, counts feedback packets. */
  readonly feedbackCount: number;
  /** 24 bits signed, in units of 64 ms. */
  readonly referenceTime: number;
  /** Per packet from `baseSequence` on: 250 µs units since the packet received before, or not received. */
  readonly deltas: readonly (number | undefined)[];
}

export const TICK_US = 250;
export const REFERENCE_US = 64_000;
const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const MAX_RUN = 0x1fff;
const FIXED_BYTES = 20;

export function fitsDelta(ticks: number): boolean {
  return ticks >= -0x8000 && ticks <= 0x7fff;
}

/** The whole RTCP packet. Deltas must fit 16 bits. */
export function buildTransportFeedback(feedback: Omit<TransportFeedback, 'type'>): Buffer {
  const symbols = feedback.deltas.map((delta) =>
    delta === undefined ? NOT_RECEIVED : delta >= 0 && delta <= 0xff ? SMALL_DELTA : LARGE_DELTA,
  );
  const chunks = packSymbols(symbols);
  const deltaBytes = symbols.reduce<number>((sum, symbol) => sum + symbol, 0);
  const unpadded = FIXED_BYTES + chunks.length * 2 + deltaBytes;
  const bytes = Math.ceil(unpadded / 4) * 4;
  const padding = bytes - unpadded;
  const out = Buffer.alloc(bytes);
  out[0] = 0x80 | (padding > 0 ? 0x20 : 0) | 15;
  out[1] = 205;
  out.writeUInt16BE(bytes / 4 - 1, 2);
  out.writeUInt32BE(feedback.senderSsrc, 4);
  out.writeUInt32BE(feedback.mediaSsrc, 8);
  out.writeUInt16BE(feedback.baseSequence & 0xffff, 12);
  out.writeUInt16BE(symbols.length, 14);
  out.writeUIntBE(feedback.referenceTime & 0xffffff, 16, 3);
  out[19] = feedback.feedbackCount & 0xff;
  let at = FIXED_BYTES;
  for (const chunk of chunks) at = out.writeUInt16BE(chunk, at);
  for (const delta of feedback.deltas) {
    if (delta === undefined) continue;
    at = delta >= 0 && delta <= 0xff ? out.writeUInt8(delta, at) : out.writeInt16BE(delta, at);
  }
  if (padding > 0) out[bytes - 1] = padding;
  return out;
}

/** Run-length chunks (§3.1.3) for seven or more alike, two-bit status vectors (§3.1.4) of seven otherwise. */
function packSymbols(symbols: readonly number[]): number[] {
  const chunks: number[] = [];
  let at = 0;
  while (at < symbols.length) {
    let run = 1;
    while (run < MAX_RUN && symbols[at + run] === symbols[at]) run++;
    if (run >= 7 || at + run === symbols.length) {
      chunks.push((symbols[at]! << 13) | run);
      at += run;
    } else {
      let chunk = 0xc000;
      for (let i = 0; i < 7; i++) chunk |= (symbols[at + i] ?? NOT_RECEIVED) << (12 - 2 * i);
      chunks.push(chunk);
      at += 7;
    }
  }
  return chunks;
}

/** @param body without the 4 bytes of the RTCP header and without padding */
export function parseTransportFeedback(body: Buffer): TransportFeedback | undefined {
  if (body.length < FIXED_BYTES - 4) return undefined;
  const count = body.readUInt16BE(10);
  const symbols: number[] = [];
  let at = FIXED_BYTES - 4;
  while (symbols.length < count) {
    if (at + 2 > body.length) return undefined;
    unpackChunk(body.readUInt16BE(at), count, symbols);
    at += 2;
  }
  const deltas: (number | undefined)[] = [];
  for (const symbol of symbols) {
    if (symbol === NOT_RECEIVED || symbol > LARGE_DELTA) {
      deltas.push(undefined);
      continue;
    }
    if (at + symbol > body.length) return undefined;
    deltas.push(symbol === SMALL_DELTA ? body[at]! : body.readInt16BE(at));
    at += symbol;
  }
  return {
    type: 'twcc',
    senderSsrc: body.readUInt32BE(0),
    mediaSsrc: body.readUInt32BE(4),
    baseSequence: body.readUInt16BE(8),
    feedbackCount: body[15]!,
    referenceTime: body.readIntBE(12, 3),
    deltas,
  };
}

function unpackChunk(chunk: number, count: number, symbols: number[]): void {
  if (chunk < 0x8000) {
    const symbol = (chunk >> 13) & 3;
    for (let run = chunk & MAX_RUN; run > 0 && symbols.length < count; run--) symbols.push(symbol);
    // A run of zero would never end the list.
    if ((chunk & MAX_RUN) === 0) symbols.push(NOT_RECEIVED);
    return;
  }
  const twoBits = (chunk & 0x4000) !== 0;
  const width = twoBits ? 2 : 1;
  for (let shift = 14 - width; shift >= 0 && symbols.length < count; shift -= width) {
    symbols.push((chunk >> shift) & (twoBits ? 3 : 1));
  }
}
