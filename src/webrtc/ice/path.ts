/** A way to one remote address over one local socket. */
export interface Path {
  /** Identity of the remote address on its socket; equal keys are the same path. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** Sends without waiting; a full socket drops, as a network does. The datagram must not be changed afterwards. */
  send(datagram: Buffer): void;
}
