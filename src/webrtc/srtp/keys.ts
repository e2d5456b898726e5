import { createCipheriv } from 'node:crypto';

/** RFC 5764 §4.1.2 and RFC 7714 §14.2. */
export type SrtpProfile = 'AES_CM_128_HMAC_SHA1_80' | 'AEAD_AES_128_GCM';

/** Master salt length in bytes; the master key has 16 with either profile. */
export const MASTER_SALT_LENGTH: Readonly<Record<SrtpProfile, number>> = {
  AES_CM_128_HMAC_SHA1_80: 14,
  AEAD_AES_128_GCM: 12,
};

export const GCM_TAG_LENGTH = 16;
export const HMAC_TAG_LENGTH = 10;
/** HMAC-SHA1's own key length (RFC 3711 §5.2). */
const AUTH_KEY_LENGTH = 20;

export interface SessionKeys {
  readonly key: Buffer;
  /** 14 bytes with counter mode, 12 with GCM. */
  readonly salt: Buffer;
  /** Empty with GCM. */
  readonly authKey: Buffer;
}

export interface MasterKey {
  readonly profile: SrtpProfile;
  readonly key: Buffer;
  readonly salt: Buffer;
}

/** Session keys with a key derivation rate of zero (RFC 3711 §4.3, RFC 7714 §11). */
export function deriveSessionKeys(master: MasterKey): {
  readonly rtp: SessionKeys;
  readonly rtcp: SessionKeys;
} {
  const saltLength = MASTER_SALT_LENGTH[master.profile];
  const authLength = master.profile === 'AEAD_AES_128_GCM' ? 0 : AUTH_KEY_LENGTH;
  const derive = (firstLabel: number): SessionKeys => ({
    key: deriveKey(master, firstLabel, 16),
    authKey: deriveKey(master, firstLabel + 1, authLength),
    salt: deriveKey(master, firstLabel + 2, saltLength),
  });
  return { rtp: derive(0), rtcp: derive(3) };
}

/** The AES-CM pseudo-random function (RFC 3711 §4.3.3): key stream from the salt with the label mixed in. */
function deriveKey(master: MasterKey, label: number, length: number): Buffer {
  if (length === 0) return Buffer.alloc(0);
  const counter = Buffer.alloc(16);
  master.salt.copy(counter);
  counter[7]! ^= label;
  return createCipheriv('aes-128-ctr', master.key, counter).update(Buffer.alloc(length));
}
