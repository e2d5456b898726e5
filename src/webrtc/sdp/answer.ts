import { isIPv4 } from 'node:net';
import type { IceCredentials } from '../ice/credentials.js';
import type { Direction, NegotiatedMedia } from '../types.js';
import { EXTENSION_URIS, type SectionPlan } from './offer-policy.js';

/** A host candidate of ours. */
export interface LocalCandidate {
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
}

export interface AnswerParts {
  readonly sessionId: string;
  readonly direction: Direction;
  readonly sections: readonly SectionPlan[];
  readonly candidates: readonly LocalCandidate[];
  readonly credentials: IceCredentials;
  /** SHA-256. */
  readonly fingerprint: string;
}

/** The answer of an ICE-lite, DTLS-passive end with every candidate in it (RFC 9725 §4.2). */
export function writeAnswer(parts: AnswerParts): string {
  const bundled = parts.sections.filter((section) => section.media !== undefined);
  const lines = [
    'v=0',
    `o=- ${parts.sessionId} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    ...(bundled.some(({ mid }) => mid !== '')
      ? [`a=group:BUNDLE ${bundled.map(({ mid }) => mid).join(' ')}`]
      : []),
    'a=ice-lite',
    `a=msid-semantic: WMS ${parts.direction === 'send' ? parts.sessionId : '*'}`,
  ];
  for (const section of parts.sections) {
    if (section.media === undefined) lines.push(...rejectedSection(section));
    else lines.push(...acceptedSection(parts, section.media, section === bundled[0]));
  }
  return lines.join('\r\n') + '\r\n';
}

/** `a=candidate` lines and the end of them. The first listed is the most preferred; TCP only when no UDP works. */
function candidateLines(candidates: readonly LocalCandidate[]): readonly string[] {
  const lines = candidates.map(({ address, port, transport }, index) => {
    // RFC 8445 §5.1.2.1 with type preference 126 (host), 90 for TCP (RFC 6544 §4.2).
    const preference = transport === 'udp' ? 126 : 90;
    const priority = preference * 2 ** 24 + (65_535 - index) * 256 + 255;
    const tail = transport === 'tcp' ? ' tcptype passive' : '';
    return `a=candidate:${index + 1} 1 ${transport} ${priority} ${address} ${port} typ host${tail}`;
  });
  return [...lines, 'a=end-of-candidates'];
}

/** The body of the answer to an ICE restart (RFC 9725 §4.3.3). */
export function writeRestartFragment(parts: AnswerParts): string {
  const bundled = parts.sections.filter((section) => section.media !== undefined);
  const first = bundled[0]!;
  const lines = [
    'a=ice-lite',
    'a=ice-options:trickle ice2',
    `a=group:BUNDLE ${bundled.map(({ mid }) => mid).join(' ')}`,
    `m=${first.offered.kind} 9 UDP/TLS/RTP/SAVPF 0`,
    `a=mid:${first.mid}`,
    `a=ice-ufrag:${parts.credentials.ufrag}`,
    `a=ice-pwd:${parts.credentials.password}`,
    ...candidateLines(parts.candidates),
  ];
  return lines.join('\r\n') + '\r\n';
}

function rejectedSection({ offered, mid }: SectionPlan): readonly string[] {
  return [
    `m=${offered.kind} 0 ${offered.protocol} ${offered.formats.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    ...(mid === '' ? [] : [`a=mid:${mid}`]),
    'a=inactive',
  ];
}

function acceptedSection(parts: AnswerParts, media: NegotiatedMedia, first: boolean): readonly string[] {
  const { payloadType, rtxPayloadType } = media;
  const primary = parts.candidates[0];
  const address = primary?.address ?? '0.0.0.0';
  const codec = media.kind === 'video' ? 'H264/90000' : 'opus/48000/2';
  const extensions = Object.entries(media.extensionIds) as [keyof typeof EXTENSION_URIS, number][];
  return [
    `m=${media.kind} ${primary?.port ?? 9} UDP/TLS/RTP/SAVPF ${[payloadType, rtxPayloadType].filter((pt) => pt !== undefined).join(' ')}`,
    `c=IN ${isIPv4(address) ? 'IP4' : 'IP6'} ${address}`,
    // Bundled sections take the first one's candidates (RFC 9143 §7.3).
    ...(first ? candidateLines(parts.candidates) : []),
    `a=ice-ufrag:${parts.credentials.ufrag}`,
    `a=ice-pwd:${parts.credentials.password}`,
    `a=fingerprint:sha-256 ${parts.fingerprint}`,
    'a=setup:passive',
    ...(media.mid === '' ? [] : [`a=mid:${media.mid}`]),
    ...extensions.map(([name, id]) => `a=extmap:${id} ${EXTENSION_URIS[name]}`),
    parts.direction === 'receive' ? 'a=recvonly' : 'a=sendonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=rtpmap:${payloadType} ${codec}`,
    ...media.feedback.map((feedback) => `a=rtcp-fb:${payloadType} ${feedback}`),
    ...(media.fmtp === '' ? [] : [`a=fmtp:${payloadType} ${answerFmtp(media, parts.direction)}`]),
    ...(rtxPayloadType === undefined
      ? []
      : [`a=rtpmap:${rtxPayloadType} rtx/90000`, `a=fmtp:${rtxPayloadType} apt=${payloadType}`]),
    ...sourceLines(parts.sessionId, media),
  ];
}

/** What we want to be sent: two channels of sound when the publisher has them. */
function answerFmtp(media: NegotiatedMedia, direction: Direction): string {
  const wantsStereo = media.kind === 'audio' && direction === 'receive' && !/\bstereo=/.test(media.fmtp);
  return wantsStereo ? `${media.fmtp};stereo=1` : media.fmtp;
}

function sourceLines(streamId: string, media: NegotiatedMedia): readonly string[] {
  if (media.ssrc === undefined) return [];
  const track = `${streamId}-${media.kind}`;
  const sources = [media.ssrc, ...(media.rtxSsrc === undefined ? [] : [media.rtxSsrc])];
  return [
    `a=msid:${streamId} ${track}`,
    ...(media.rtxSsrc === undefined ? [] : [`a=ssrc-group:FID ${media.ssrc} ${media.rtxSsrc}`]),
    ...sources.flatMap((ssrc) => [
      `a=ssrc:${ssrc} cname:${streamId}`,
      `a=ssrc:${ssrc} msid:${streamId} ${track}`,
    ]),
  ];
}
