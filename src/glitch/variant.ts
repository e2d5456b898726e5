/** Which of several renditions of one stream was read. */
export interface ReadVariant {
  readonly address: string;
  readonly bandwidthBps: number;
  /** How many there were. */
  readonly of: number;
}

export function variantLine({ address, bandwidthBps, of }: ReadVariant): string {
  return `Of ${of} variants the one with the most bits was read: ${address} (${Math.round(bandwidthBps / 1000)} kb/s).`;
}
