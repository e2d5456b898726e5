import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import type { Fingerprint } from '../dtls/peer-proof.js';
import type { IceCredentials } from '../ice/credentials.js';
import type { RemoteCandidate } from '../ice/ice-client-agent.js';
import type { MediaKind, NegotiatedMedia, NegotiatedSession } from '../types.js';
import { offeredCodecs, rtxFor } from './codecs.js';
import {
  EXTENSION_URIS,
  isIceToken,
  MAX_SDP_LENGTH,
  offeredSsrcs,
  parseFingerprint,
} from './offer-policy.js';
import {
  attributeValues,
  inheritedValues,
  parseSessionDescription,
  type SdpSection,
} from './session-description.js';

export interface ClientOffer {
  readonly direction: 'sendonly' | 'recvonly';
  readonly kinds: readonly MediaKind[];
  readonly credentials: IceCredentials;
  readonly fingerprint: string;
  readonly candidates: readonly RemoteCandidate[];
  /** Sending: one primary and one retransmission SSRC per kind. */
  readonly ssrcs: Readonly<Record<MediaKind, readonly [number, number]>>;
}

interface OfferedPayload {
  readonly payloadType: number;
  readonly codec: string;
  readonly fmtp: string;
}

const OPUS: OfferedPayload = {
  payloadType: 111,
  codec: 'opus/48000/2',
  fmtp: 'minptime=10;useinbandfec=1;stereo=1',
};

/** Each H.264 profile that may be sent or that a decoder takes; its retransmission type is the next number. */
function h264Payloads(direction: 'sendonly' | 'recvonly'): readonly OfferedPayload[] {
  const profiles = direction === 'sendonly' ? ['42e01f'] : ['42e01f', '42001f', '4d001f', '64001f'];
  return profiles.map((profile, index) => ({
    payloadType: 96 + index * 2,
    codec: 'H264/90000',
    fmtp: `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${profile}`,
  }));
}

/** A complete offer: every candidate is in it, nothing is trickled. */
export function writeOffer(offer: ClientOffer): string {
  const streamId = randomBytes(8).toString('hex');
  const lines = [
    'v=0',
    `o=- ${randomBytes(6).readUIntBE(0, 6)} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${offer.kinds.map((_kind, index) => index).join(' ')}`,
    `a=msid-semantic: WMS ${streamId}`,
    ...offer.kinds.flatMap((kind, index) => offerSection(offer, kind, { mid: String(index), streamId })),
  ];
  return lines.join('\r\n') + '\r\n';
}

function offerSection(
  offer: ClientOffer,
  kind: MediaKind,
  names: { readonly mid: string; readonly streamId: string },
): readonly string[] {
  const payloads = kind === 'audio' ? [OPUS] : h264Payloads(offer.direction);
  const withRtx = kind === 'video';
  const types = payloads.flatMap(({ payloadType }) =>
    withRtx ? [payloadType, payloadType + 1] : [payloadType],
  );
  const [ssrc, rtxSsrc] = offer.ssrcs[kind];
  const track = `${names.streamId} ${names.streamId}-${kind}`;
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${types.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    ...offer.candidates.map(
      ({ address, port }, index) =>
        `a=candidate:${index + 1} 1 udp ${126 * 2 ** 24 + (65_535 - index) * 256 + 255} ${address} ${port} typ host`,
    ),
    'a=end-of-candidates',
    `a=ice-ufrag:${offer.credentials.ufrag}`,
    `a=ice-pwd:${offer.credentials.password}`,
    `a=fingerprint:sha-256 ${offer.fingerprint}`,
    'a=setup:actpass',
    `a=mid:${names.mid}`,
    `a=extmap:1 ${EXTENSION_URIS.mid}`,
    `a=${offer.direction}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...payloads.flatMap(({ payloadType, codec, fmtp }) => [
      `a=rtpmap:${payloadType} ${codec}`,
      `a=fmtp:${payloadType} ${fmtp}`,
      ...(withRtx
        ? [
            `a=rtcp-fb:${payloadType} nack`,
            `a=rtcp-fb:${payloadType} nack pli`,
            `a=rtcp-fb:${payloadType} ccm fir`,
            `a=rtpmap:${payloadType + 1} rtx/90000`,
            `a=fmtp:${payloadType + 1} apt=${payloadType}`,
          ]
        : []),
    ]),
    ...(offer.direction === 'recvonly'
      ? []
      : [
          `a=msid:${track}`,
          ...(withRtx ? [`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`] : []),
          `a=ssrc:${ssrc} cname:${names.streamId}`,
          ...(withRtx ? [`a=ssrc:${rtxSsrc} cname:${names.streamId}`] : []),
        ]),
  ];
}

export interface ClientAnswer {
  readonly media: NegotiatedSession;
  readonly credentials: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly candidates: readonly RemoteCandidate[];
  /** Our DTLS role, the other one than the peer's. */
  readonly role: 'client' | 'server';
}

/**
 * Reads a server's answer to {@link writeOffer}.
 *
 * @throws MalformedMediaError, UnsupportedMediaError when it takes nothing of the offer
 */
export function readAnswer(answerSdp: string, offer: ClientOffer): ClientAnswer {
  if (answerSdp.length > MAX_SDP_LENGTH) throw new MalformedMediaError('SDP answer: too long');
  const description = parseSessionDescription(answerSdp);
  const sections = description.sections.filter((section) => section.port !== 0);
  const first = sections[0];
  if (first === undefined)
    throw new UnsupportedMediaError('SDP answer: the server took no section of the offer');
  const ufrag = inheritedValues(description, first, 'ice-ufrag')[0] ?? '';
  const password = inheritedValues(description, first, 'ice-pwd')[0] ?? '';
  if (!isIceToken(ufrag, 1) || !isIceToken(password, 1))
    throw new MalformedMediaError('SDP answer: expected a=ice-ufrag and a=ice-pwd');
  const media = sections.map((section) => answeredMedia(section, offer));
  const audio = media.find(({ kind }) => kind === 'audio');
  const video = media.find(({ kind }) => kind === 'video');
  return {
    media: { ...(audio && { audio }), ...(video && { video }) },
    credentials: { ufrag, password },
    fingerprints: inheritedValues(description, first, 'fingerprint').map(parseFingerprint),
    candidates: sections.flatMap((section) =>
      attributeValues(section.attributes, 'candidate').flatMap(udpCandidate),
    ),
    role: inheritedValues(description, first, 'setup')[0] === 'active' ? 'server' : 'client',
  };
}

function answeredMedia(section: SdpSection, offer: ClientOffer): NegotiatedMedia {
  const kind: MediaKind = section.kind === 'audio' ? 'audio' : 'video';
  const codecs = offeredCodecs(section);
  const codec = codecs.find(({ name }) => name === (kind === 'audio' ? 'opus' : 'h264'));
  if (codec === undefined)
    throw new UnsupportedMediaError(`SDP answer: expected H.264 or Opus in the ${kind} section`);
  const rtxPayloadType = rtxFor(codecs, codec.payloadType);
  const [ssrc, rtxSsrc] = offer.ssrcs[kind];
  const sending = offer.direction === 'sendonly';
  return {
    kind,
    mid: attributeValues(section.attributes, 'mid')[0] ?? '',
    payloadType: codec.payloadType,
    clockRate: codec.clockRate,
    channels: kind === 'video' ? 0 : codec.channels,
    fmtp: codec.fmtp,
    ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
    extensionIds: {},
    feedback: codec.feedback,
    ...(sending
      ? {
          ssrc,
          ...(rtxPayloadType === undefined ? {} : { rtxSsrc }),
          ssrcHints: rtxPayloadType === undefined ? [ssrc] : [ssrc, rtxSsrc],
        }
      : { ssrcHints: offeredSsrcs(section) }),
  };
}

/** `foundation component transport priority address port typ …`; names (`.local`) and TCP are left out. */
function udpCandidate(value: string): readonly RemoteCandidate[] {
  const [, component, transport, , address = '', port] = value.split(' ');
  if (component !== '1' || transport?.toLowerCase() !== 'udp' || isIP(address) === 0) return [];
  return [{ address, port: Number(port) }];
}
