/** Bits as text of 0 and 1, most significant first. */
export function bitsOf(data: Buffer): string {
  return Array.from(data, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

/** Spaces are left out, and the last byte is filled up with zeros. */
export function bytesOf(bits: string): Buffer {
  const plain = bits.replace(/\s/g, '');
  return Buffer.from((plain.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)));
}
