import type { RtmpConnection } from './connection.js';

/** Tells when a peer's network is gone: then nothing comes from it, not even the answer to a ping. */
export class IdleWatch {
  readonly #timer: NodeJS.Timeout;

  /** @param onIdle once, after `timeoutMs` to one and a half times that without a byte */
  constructor(connection: RtmpConnection, timeoutMs: number, onIdle: () => void) {
    let seen = -1;
    let pinged = false;
    this.#timer = setInterval(() => {
      const { bytesIn } = connection;
      if (bytesIn !== seen) pinged = false;
      else if (pinged) {
        this.stop();
        onIdle();
      } else {
        pinged = true;
        connection.ping();
      }
      seen = bytesIn;
    }, timeoutMs / 2);
  }

  /** Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
