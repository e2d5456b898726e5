/**
 * NTP time as microseconds since 1900, which a double holds exactly; 64-bit NTP itself does not fit one
 * (RFC 3550 §4).
 */
export type NtpUs = number;

const FRACTION = 2 ** 32;
const UNIX_EPOCH_S = 2_208_988_800;

export function ntpFromWords(seconds: number, fraction: number): NtpUs {
  return seconds * 1_000_000 + Math.round((fraction * 1_000_000) / FRACTION);
}

export function ntpToWords(ntpUs: NtpUs): { seconds: number; fraction: number } {
  const whole = Math.floor(ntpUs / 1_000_000);
  const fraction = Math.floor(((ntpUs - whole * 1_000_000) * FRACTION) / 1_000_000);
  return { seconds: whole % FRACTION, fraction };
}

export function ntpFromUnixMs(unixMs: number): NtpUs {
  return Math.round((UNIX_EPOCH_S * 1000 + unixMs) * 1000);
}

/** The middle 32 bits, as in LSR and DLSR: units of 1/65536 s. */
export function ntpMiddle(ntpUs: NtpUs): number {
  const { seconds, fraction } = ntpToWords(ntpUs);
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}
