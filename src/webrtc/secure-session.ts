import type { RtpPacket } from '../rtp/packet.js';
import { DtlsSession, type DtlsCertificate, type DtlsEnd, type DtlsRole } from './dtls/werift-dtls.js';
import type { Fingerprint } from './dtls/peer-proof.js';
import { SrtpReceiver } from './srtp/srtp-receiver.js';
import { SrtpSender } from './srtp/srtp-sender.js';
import type { OutgoingRtp, TransportStats } from './types.js';

export interface SecureSessionOptions {
  readonly role: DtlsRole;
  readonly certificate: DtlsCertificate;
  readonly fingerprints: readonly Fingerprint[];
  /** Sends over the path in use; drops when there is none. */
  readonly send: (datagram: Buffer) => void;
  readonly onConnected: () => void;
  readonly onEnded: (end: DtlsEnd) => void;
  readonly onRtp: (packet: RtpPacket, arrivalUs: number) => void;
  readonly onRtcp: (compound: Buffer, arrivalUs: number) => void;
}

/** DTLS and, once it has keys, SRTP and SRTCP on one path (RFC 5764 §5.1.2, RFC 5761 §4). */
export class SecureSession {
  readonly #options: SecureSessionOptions;
  readonly #dtls: DtlsSession;
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;
  #packetsSent = 0;
  #bytesSent = 0;
  #packetsReceived = 0;
  #bytesReceived = 0;
  #datagramsDropped = 0;

  constructor(options: SecureSessionOptions) {
    this.#options = options;
    this.#dtls = new DtlsSession({
      role: options.role,
      certificate: options.certificate,
      fingerprints: options.fingerprints,
      send: options.send,
      onEnded: options.onEnded,
      onConnected: (keys) => {
        this.#sender = new SrtpSender(keys.local);
        this.#receiver = new SrtpReceiver(keys.remote);
        options.onConnected();
      },
    });
  }

  start(): void {
    this.#dtls.start();
  }

  /** Takes a datagram that is not STUN. Returns whether it was authentic media or feedback. */
  receive(datagram: Buffer, arrivalUs: number): boolean {
    const first = datagram[0] ?? 0;
    if (first >= 20 && first <= 63) {
      this.#dtls.receive(datagram);
      return false;
    }
    const receiver = this.#receiver;
    if (receiver === undefined || first < 128 || first > 191 || datagram.length < 12) return this.#drop();
    const second = datagram[1]!;
    if (second >= 192 && second <= 223) {
      const compound = receiver.openRtcp(datagram);
      if (compound === undefined) return this.#drop();
      this.#count(datagram);
      this.#options.onRtcp(compound, arrivalUs);
      return true;
    }
    const packet = receiver.openRtp(datagram);
    if (packet === undefined) return this.#drop();
    this.#count(datagram);
    this.#options.onRtp(packet, arrivalUs);
    return true;
  }

  sendRtp(packet: OutgoingRtp): void {
    if (this.#sender !== undefined) this.#send(this.#sender.sealRtp(packet));
  }

  sendRtcp(compound: Buffer): void {
    if (this.#sender !== undefined && compound.length >= 8) this.#send(this.#sender.sealRtcp(compound));
  }

  stats(): TransportStats {
    return {
      packetsSent: this.#packetsSent,
      bytesSent: this.#bytesSent,
      packetsReceived: this.#packetsReceived,
      bytesReceived: this.#bytesReceived,
      datagramsDropped: this.#datagramsDropped,
    };
  }

  close(): void {
    this.#dtls.close();
    this.#sender = undefined;
    this.#receiver = undefined;
  }

  #send(datagram: Buffer): void {
    this.#packetsSent++;
    this.#bytesSent += datagram.length;
    this.#options.send(datagram);
  }

  #count(datagram: Buffer): void {
    this.#packetsReceived++;
    this.#bytesReceived += datagram.length;
  }

  #drop(): false {
    this.#datagramsDropped++;
    return false;
  }
}
