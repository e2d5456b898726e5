/** What forwarding cost a process. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Sent to viewers. */
  readonly packets: number;
}
