/**
 * The only file that knows werift: its DTLS 1.2 handshake and key export. Everything that reaches into its internals
 * is here, and test/webrtc/werift-dtls.test.ts holds what is relied on.
 */
import { createHash, X509Certificate } from 'node:crypto';
import {
  CipherContext,
  DtlsClient,
  DtlsServer,
  HashAlgorithm,
  NamedCurveAlgorithm,
  SignatureAlgorithm,
  type DtlsSocket,
} from 'werift';
import { MASTER_SALT_LENGTH, type MasterKey, type SrtpProfile } from '../srtp/keys.js';
import { matchesFingerprint, verifyFinished, verifySignature, type Fingerprint } from './peer-proof.js';
import {
  HANDSHAKE_HEADER_LENGTH,
  HandshakeInbox,
  HandshakeType,
  parseRecords,
  plainRecord,
  recordHeader,
  RecordType,
  type DtlsRecord,
} from './records.js';

/** A self-signed ECDSA P-256 certificate with its key. */
export interface DtlsCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  /** `AB:CD:…` of the DER with SHA-256. */
  readonly fingerprint: string;
}

export async function createDtlsCertificate(): Promise<DtlsCertificate> {
  const made = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  const der = new X509Certificate(made.certPem).raw;
  const hex = createHash('sha256').update(der).digest('hex').toUpperCase();
  return { certPem: made.certPem, keyPem: made.keyPem, fingerprint: hex.match(/../g)!.join(':') };
}

export type DtlsRole = 'client' | 'server';
export type DtlsEnd = 'peer-closed' | 'handshake-failed';

export interface SrtpKeys {
  readonly local: MasterKey;
  readonly remote: MasterKey;
}

export interface DtlsSessionOptions {
  readonly role: DtlsRole;
  readonly certificate: DtlsCertificate;
  /** What the peer's certificate must match. */
  readonly fingerprints: readonly Fingerprint[];
  /** What to accept, best first. Default: GCM, then counter mode, in the order of their cost. */
  readonly srtpProfiles?: readonly SrtpProfile[];
  readonly send: (datagram: Buffer) => void;
  readonly onConnected: (keys: SrtpKeys) => void;
  readonly onEnded: (end: DtlsEnd) => void;
}

/** Numbers in the use_srtp extension. */
const PROFILE_NUMBERS = { AEAD_AES_128_GCM: 7, AES_CM_128_HMAC_SHA1_80: 1 } as const;
const ALL_PROFILES: readonly SrtpProfile[] = ['AEAD_AES_128_GCM', 'AES_CM_128_HMAC_SHA1_80'];
const CLOSE_NOTIFY = Buffer.from([1, 0]);
/** Past the last flight of a handshake: ends werift's retransmission timers. */
const NO_MORE_FLIGHTS = 99;

/** The part of werift's record type that its cipher touches. */
interface CipherRecord {
  recordLayerHeader: {
    contentType: number;
    protocolVersion: { major: number; minor: number };
    epoch: number;
    sequenceNumber: number;
    contentLen: number;
  };
  fragment: Buffer;
}

/**
 * One DTLS association. werift alone trusts whatever arrives in whatever order: it takes clear-text alerts and hellos
 * after the handshake, derives wrong keys when a flight is repeated, and checks neither signatures nor Finished. Here
 * messages reach it once and in order, clear text ends with the handshake, and the peer has to prove its certificate.
 */
export class DtlsSession {
  readonly #options: DtlsSessionOptions;
  readonly #socket: DtlsSocket;
  readonly #inbox = new HandshakeInbox();
  #feed: (datagram: Buffer) => void = () => undefined;
  #state: 'handshake' | 'connected' | 'ended' = 'handshake';

  constructor(options: DtlsSessionOptions) {
    this.#options = options;
    const send = (datagram: Buffer): Promise<void> => {
      if (this.#state !== 'ended') options.send(datagram);
      return Promise.resolve();
    };
    const transport = {
      type: 'anchornet',
      closed: false,
      address: { address: '', port: 0, family: '' },
      onData: () => undefined,
      send,
      close: () => Promise.resolve(),
    };
    const socketOptions = {
      cert: options.certificate.certPem,
      key: options.certificate.keyPem,
      signatureHash: { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
      transport,
      srtpProfiles: (options.srtpProfiles ?? ALL_PROFILES).map((profile) => PROFILE_NUMBERS[profile]),
      extendedMasterSecret: true,
      certificateRequest: true,
    };
    this.#socket = options.role === 'server' ? new DtlsServer(socketOptions) : new DtlsClient(socketOptions);
    const feed = (transport as { onData: (datagram: Buffer) => void }).onData;
    this.#feed = (datagram) => feed(datagram);
    this.#socket.onConnect.subscribe(() => this.#connect());
    this.#socket.onError.subscribe(() => this.#end('handshake-failed'));
  }

  /** The client's first flight. */
  start(): void {
    if (!(this.#socket instanceof DtlsClient)) return;
    this.#socket.connect().catch(() => this.#end('handshake-failed'));
  }

  receive(datagram: Buffer): void {
    for (const record of parseRecords(datagram)) {
      if (this.#state === 'ended') return;
      // A defect in the library, or bytes it cannot parse, must stay with this one record.
      try {
        if (record.epoch === 0) this.#receivePlain(record);
        else this.#receiveSealed(record);
      } catch {
        continue;
      }
    }
  }

  /** Tells the peer (close_notify) when there is an association to tell it by. Idempotent. */
  close(): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'connected') this.#options.send(this.#sealAlert(CLOSE_NOTIFY));
    this.#stop();
  }

  /** Clear text is anybody's: it counts only while there is no association, and alerts never do. */
  #receivePlain(record: DtlsRecord): void {
    if (this.#state !== 'handshake') return;
    if (record.type === RecordType.changeCipherSpec) return;
    if (record.type !== RecordType.handshake) return;
    for (const message of this.#inbox.push(record.fragment)) {
      this.#feed(plainRecord(RecordType.handshake, message.bytes));
    }
  }

  #receiveSealed(record: DtlsRecord): void {
    if (record.type !== RecordType.alert && record.type !== RecordType.handshake) return;
    const plain = this.#open(record);
    if (record.type === RecordType.alert) {
      if (this.#state === 'connected' && (plain[0] === 2 || plain[1] === 0)) this.#end('peer-closed');
      return;
    }
    if (plain[0] !== HandshakeType.finished) return;
    if (this.#state === 'handshake') {
      // Overtaken by the rest of its flight: the peer will repeat it.
      if (!this.#socket.dtls.sortedHandshakeCache.some(({ msg_type }) => msg_type === this.#proofType))
        return;
      if (!this.#peerProven(plain.subarray(HANDSHAKE_HEADER_LENGTH))) {
        this.#end('handshake-failed');
        return;
      }
    }
    // A repeated Finished after the handshake means that ours was lost: werift then sends it again.
    this.#feed(record.bytes);
  }

  #connect(): void {
    if (this.#state !== 'handshake') return;
    const number = this.#socket.srtp.srtpProfile;
    const profile = ALL_PROFILES.find((name) => PROFILE_NUMBERS[name] === number);
    if (profile === undefined) {
      this.#end('handshake-failed');
      return;
    }
    this.#state = 'connected';
    const keys = this.#socket.extractSessionKeys(16, MASTER_SALT_LENGTH[profile]);
    this.#options.onConnected({
      local: { profile, key: keys.localKey, salt: keys.localSalt },
      remote: { profile, key: keys.remoteKey, salt: keys.remoteSalt },
    });
  }

  /** The certificate is the one in the SDP, the peer holds its key, and both saw the same handshake. */
  #peerProven(verifyData: Buffer): boolean {
    const { cipher, dtls } = this.#socket;
    const certificate = cipher.remoteCertificate;
    if (certificate === undefined || !matchesFingerprint(certificate, this.#options.fingerprints))
      return false;
    const messages = dtls.sortedHandshakeCache;
    const peer = this.#options.role === 'server' ? 'client' : 'server';
    const transcript = Buffer.concat(messages.map((message) => message.serialize()));
    if (!verifyFinished(verifyData, { masterSecret: cipher.masterSecret, transcript, peer })) return false;
    const proofType = peer === 'client' ? HandshakeType.certificateVerify : HandshakeType.serverKeyExchange;
    const at = messages.findIndex((message) => message.msg_type === proofType);
    const proof = messages[at];
    if (proof === undefined) return false;
    if (peer === 'client') {
      const before = Buffer.concat(messages.slice(0, at).map((message) => message.serialize()));
      return verifySignature(certificate, proof.fragment, before);
    }
    // Curve type, named curve and public key are signed along with both randoms (RFC 8422 §5.4).
    const parametersLength = 4 + (proof.fragment[3] ?? 0);
    const signedData = Buffer.concat([
      cipher.localRandom.serialize(),
      cipher.remoteRandom.serialize(),
      proof.fragment.subarray(0, parametersLength),
    ]);
    return verifySignature(certificate, proof.fragment.subarray(parametersLength), signedData);
  }

  /** The peer's message that only the holder of its certificate's key can make. */
  get #proofType(): number {
    return this.#options.role === 'server'
      ? HandshakeType.certificateVerify
      : HandshakeType.serverKeyExchange;
  }

  /** @throws when the record is not authentic */
  #open(record: DtlsRecord): Buffer {
    return this.#socket.cipher.decryptPacket(
      cipherRecord(record.type, record.sequenceNumber, Buffer.from(record.fragment)) as never,
    );
  }

  #sealAlert(alert: Buffer): Buffer {
    const sequenceNumber = ++this.#socket.dtls.recordSequenceNumber;
    const record = cipherRecord(RecordType.alert, sequenceNumber, alert);
    const { fragment } = this.#socket.cipher.encryptPacket(record as never);
    return Buffer.concat([recordHeader(RecordType.alert, 1, sequenceNumber, fragment.length), fragment]);
  }

  #end(end: DtlsEnd): void {
    if (this.#state === 'ended') return;
    this.#stop();
    this.#options.onEnded(end);
  }

  #stop(): void {
    this.#state = 'ended';
    this.#socket.dtls.flight = NO_MORE_FLIGHTS;
  }
}

function cipherRecord(type: number, sequenceNumber: number, fragment: Buffer): CipherRecord {
  return {
    recordLayerHeader: {
      contentType: type,
      protocolVersion: { major: 254, minor: 253 },
      epoch: 1,
      sequenceNumber,
      contentLen: fragment.length,
    },
    fragment,
  };
}
