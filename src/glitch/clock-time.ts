/** Milliseconds as `h:mm:ss.mmm`. */
export function clockTime(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const total = Math.abs(ms);
  const part = (value: number, digits: number): string => String(Math.floor(value)).padStart(digits, '0');
  return `${sign}${part(total / 3_600_000, 1)}:${part((total / 60_000) % 60, 2)}:${part((total / 1000) % 60, 2)}.${part(total % 1000, 3)}`;
}
