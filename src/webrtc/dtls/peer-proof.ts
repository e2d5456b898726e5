import { createHash, createHmac, timingSafeEqual, verify, X509Certificate } from 'node:crypto';

/** `a=fingerprint` of the peer's certificate (RFC 8122 §5). */
export interface Fingerprint {
  /** As in SDP, e.g. `sha-256`. */
  readonly algorithm: string;
  /** Hex bytes with colons, any case. */
  readonly value: string;
}

const HASHES: Readonly<Record<string, string>> = {
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
};

/** Whether one of the fingerprints, of a hash strong enough, is this certificate's. */
export function matchesFingerprint(certificate: Buffer, fingerprints: readonly Fingerprint[]): boolean {
  return fingerprints.some(({ algorithm, value }) => {
    const hash = HASHES[algorithm.toLowerCase()];
    if (hash === undefined) return false;
    return createHash(hash).update(certificate).digest('hex') === value.replaceAll(':', '').toLowerCase();
  });
}

/** Whether {@link matchesFingerprint} could hold for any certificate. */
export function isUsableFingerprint({ algorithm, value }: Fingerprint): boolean {
  const hash = HASHES[algorithm.toLowerCase()];
  if (hash === undefined) return false;
  const bytes = createHash(hash).digest().length;
  return value.length === bytes * 3 - 1 && /^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(value);
}

/** ecdsa_secp256r1_sha256 and rsa_pkcs1_sha256, in TLS 1.2's hash and signature bytes. */
const SIGNATURE_SCHEMES = [0x0403, 0x0401];

/**
 * Whether a digitally-signed struct (RFC 5246 §4.7: algorithm, length, signature) was made over `data` with the
 * certificate's key.
 */
export function verifySignature(certificate: Buffer, signed: Buffer, data: Buffer): boolean {
  if (signed.length < 4 || !SIGNATURE_SCHEMES.includes(signed.readUInt16BE(0))) return false;
  const signature = signed.subarray(4, 4 + signed.readUInt16BE(2));
  try {
    return verify('sha256', data, new X509Certificate(certificate).publicKey, signature);
  } catch {
    return false;
  }
}

/** Whether the body of a Finished message matches the handshake so far (RFC 5246 §7.4.9). */
export function verifyFinished(
  verifyData: Buffer,
  proof: { readonly masterSecret: Buffer; readonly transcript: Buffer; readonly peer: 'client' | 'server' },
): boolean {
  const seed = Buffer.concat([
    Buffer.from(`${proof.peer} finished`),
    createHash('sha256').update(proof.transcript).digest(),
  ]);
  const hmac = (data: Buffer): Buffer => createHmac('sha256', proof.masterSecret).update(data).digest();
  // P_SHA256 (RFC 5246 §5): one block is more than the 12 bytes needed.
  const expected = hmac(Buffer.concat([hmac(seed), seed])).subarray(0, 12);
  return verifyData.length === 12 && timingSafeEqual(expected, verifyData);
}
