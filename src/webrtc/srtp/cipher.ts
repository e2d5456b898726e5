import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { GCM_TAG_LENGTH, HMAC_TAG_LENGTH, type SessionKeys, type SrtpProfile } from './keys.js';

/**
 * The two packet transforms. `index` is the RTP packet index (roll-over counter · 65536 + sequence number) or, for
 * RTCP, the 31-bit SRTCP index. RTCP has no roll-over counter to authenticate; its index travels in the packet.
 */
export interface PacketCipher {
  /** Bytes that a sealed packet is longer by. */
  readonly tagLength: number;
  /**
   * Encrypts `payload` into `out` at `at`, followed by the tag.
   *
   * @param aad what is authenticated in clear before the payload; for GCM also what follows it (the SRTCP index word)
   * @returns the end of what was written
   */
  seal(input: SealInput, out: Buffer, at: number): number;
  /** The plain payload, or undefined when it is not authentic. */
  open(input: OpenInput): Buffer | undefined;
}

export interface SealInput {
  readonly ssrc: number;
  readonly index: number;
  readonly header: Buffer;
  readonly payload: Buffer;
  /** The SRTCP index word (E flag and index), absent for RTP. */
  readonly trailer?: Buffer;
}

interface OpenInput {
  readonly ssrc: number;
  readonly index: number;
  readonly header: Buffer;
  readonly sealed: Buffer;
  readonly tag: Buffer;
  readonly trailer?: Buffer;
}

export function createPacketCipher(profile: SrtpProfile, keys: SessionKeys): PacketCipher {
  return profile === 'AEAD_AES_128_GCM' ? new GcmCipher(keys) : new CounterModeCipher(keys);
}

/** AEAD_AES_128_GCM (RFC 7714 §8 for RTP, §9 for RTCP). */
class GcmCipher implements PacketCipher {
  readonly tagLength = GCM_TAG_LENGTH;
  readonly #key: Buffer;
  readonly #salt: Buffer;
  readonly #iv = Buffer.alloc(12);

  constructor(keys: SessionKeys) {
    this.#key = keys.key;
    this.#salt = keys.salt;
  }

  seal(input: SealInput, out: Buffer, at: number): number {
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#setIv(input.ssrc, input.index));
    cipher.setAAD(input.header);
    if (input.trailer !== undefined) cipher.setAAD(input.trailer);
    const end = at + cipher.update(input.payload).copy(out, at);
    cipher.final();
    return end + cipher.getAuthTag().copy(out, end);
  }

  open(input: OpenInput): Buffer | undefined {
    const iv = this.#setIv(input.ssrc, input.index);
    const decipher = createDecipheriv('aes-128-gcm', this.#key, iv, { authTagLength: GCM_TAG_LENGTH });
    decipher.setAuthTag(input.tag);
    decipher.setAAD(input.header);
    if (input.trailer !== undefined) decipher.setAAD(input.trailer);
    try {
      const plain = decipher.update(input.sealed);
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }

  /** 2 zero bytes, SSRC, 48-bit index; all mixed with the salt. */
  #setIv(ssrc: number, index: number): Buffer {
    const iv = this.#iv;
    iv[0] = 0;
    iv[1] = 0;
    iv.writeUInt32BE(ssrc, 2);
    iv.writeUIntBE(index, 6, 6);
    for (let i = 0; i < 12; i++) iv[i]! ^= this.#salt[i]!;
    return iv;
  }
}

/** AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2.1). */
class CounterModeCipher implements PacketCipher {
  readonly tagLength = HMAC_TAG_LENGTH;
  readonly #keys: SessionKeys;
  readonly #counter = Buffer.alloc(16);
  readonly #rollover = Buffer.alloc(4);

  constructor(keys: SessionKeys) {
    this.#keys = keys;
  }

  seal(input: SealInput, out: Buffer, at: number): number {
    const cipher = createCipheriv('aes-128-ctr', this.#keys.key, this.#setCounter(input.ssrc, input.index));
    const sealed = cipher.update(input.payload);
    const end = at + sealed.copy(out, at);
    const digest = this.#authenticate(input.header, sealed, input.trailer, input.index);
    return end + digest.copy(out, end, 0, HMAC_TAG_LENGTH);
  }

  open(input: OpenInput): Buffer | undefined {
    const digest = this.#authenticate(input.header, input.sealed, input.trailer, input.index);
    if (!timingSafeEqual(digest.subarray(0, HMAC_TAG_LENGTH), input.tag)) return undefined;
    return createCipheriv('aes-128-ctr', this.#keys.key, this.#setCounter(input.ssrc, input.index)).update(
      input.sealed,
    );
  }

  #authenticate(header: Buffer, sealed: Buffer, trailer: Buffer | undefined, index: number): Buffer {
    const hmac = createHmac('sha1', this.#keys.authKey).update(header).update(sealed);
    if (trailer !== undefined) return hmac.update(trailer).digest();
    this.#rollover.writeUInt32BE(Math.floor(index / 65_536) >>> 0, 0);
    return hmac.update(this.#rollover).digest();
  }

  /** (salt · 2^16) ⊕ (SSRC · 2^64) ⊕ (index · 2^16). */
  #setCounter(ssrc: number, index: number): Buffer {
    const counter = this.#counter;
    counter.fill(0, 0, 4);
    counter.writeUInt32BE(ssrc, 4);
    counter.writeUIntBE(index, 8, 6);
    counter[14] = 0;
    counter[15] = 0;
    for (let i = 0; i < 14; i++) counter[i]! ^= this.#keys.salt[i]!;
    return counter;
  }
}
