import { MalformedMediaError, UnsupportedMediaError } from '../../base/errors.js';
import { isUsableFingerprint, type Fingerprint } from '../dtls/peer-proof.js';
import { OversizedOfferError } from '../errors.js';
import { randomSsrcs } from '../ssrc.js';
import type { Direction, ExtensionIds, MediaKind, NegotiatedMedia } from '../types.js';
import { chooseH264, chooseOpus, offeredCodecs, rtxFor, type OfferedCodec } from './codecs.js';
import {
  attributeValues,
  hasAttribute,
  inheritedValues,
  parseSessionDescription,
  type SdpSection,
  type SessionDescription,
} from './session-description.js';

/** Browsers' offers have 3–12 kB. */
export const MAX_SDP_LENGTH = 65_536;

export const EXTENSION_URIS = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  transportCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
} as const;

const SUPPORTED = 'supported are H.264 with packetization-mode=1 and Opus at 48 kHz with 2 channels';
const FEEDBACK: Readonly<Record<MediaKind, Readonly<Record<Direction, readonly string[]>>>> = {
  video: {
    receive: ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'],
    send: ['ccm fir', 'nack', 'nack pli'],
  },
  audio: { receive: ['nack'], send: [] },
};

/** What becomes of one m-section; rejected when `media` is absent. */
export interface SectionPlan {
  readonly offered: SdpSection;
  readonly mid: string;
  readonly media?: NegotiatedMedia;
}

export interface OfferPlan {
  readonly sections: readonly SectionPlan[];
  readonly remoteUfrag: string;
  readonly fingerprints: readonly Fingerprint[];
}

/**
 * Decides what of an offer is taken.
 *
 * @throws OversizedOfferError past {@link MAX_SDP_LENGTH}, MalformedMediaError when it is not a WebRTC offer,
 *   UnsupportedMediaError naming what is supported
 */
export function planOffer(
  offerSdp: string,
  options: { readonly direction: Direction; readonly profileLevelId?: string },
): OfferPlan {
  if (offerSdp.length > MAX_SDP_LENGTH)
    throw new OversizedOfferError(
      `SDP offer: expected at most ${MAX_SDP_LENGTH} bytes, got ${offerSdp.length}`,
    );
  const description = parseSessionDescription(offerSdp);
  const wanted = description.sections.filter((section) => isWanted(description, section, options.direction));
  for (const kind of ['audio', 'video']) {
    const count = wanted.filter((section) => section.kind === kind).length;
    if (count > 1)
      throw new UnsupportedMediaError(`SDP offer: expected at most one ${kind} section, got ${count}`);
  }
  const first = wanted[0];
  if (first === undefined) {
    const direction = options.direction === 'receive' ? 'sendonly' : 'recvonly';
    throw new UnsupportedMediaError(`SDP offer: no ${direction} audio or video section; ${SUPPORTED}`);
  }
  const sections = description.sections.map((section): SectionPlan => {
    const mid = sectionMid(section);
    return wanted.includes(section)
      ? { offered: section, mid, media: planMedia(section, mid, options) }
      : { offered: section, mid };
  });
  checkBundle(description, sections);
  checkPayloadTypes(sections);
  return { sections, ...transportOf(description, first) };
}

function isWanted(description: SessionDescription, section: SdpSection, direction: Direction): boolean {
  if (section.kind !== 'audio' && section.kind !== 'video') return false;
  if (section.port === 0 && !hasAttribute(section.attributes, 'bundle-only')) return false;
  const has = (name: string): boolean =>
    hasAttribute(section.attributes, name) || hasAttribute(description.attributes, name);
  const ours = direction === 'receive' ? 'sendonly' : 'recvonly';
  if (hasAttribute(section.attributes, ours)) return true;
  const others = ['sendonly', 'recvonly', 'inactive'].filter((name) => name !== ours);
  return !others.some(has);
}

function sectionMid(section: SdpSection): string {
  const mid = attributeValues(section.attributes, 'mid')[0] ?? '';
  if (!/^[\w!#$%&'*+.^`{|}~-]{0,32}$/.test(mid))
    throw new MalformedMediaError(`SDP offer: a=mid: expected a token of at most 32 characters`);
  return mid;
}

function planMedia(
  section: SdpSection,
  mid: string,
  options: { readonly direction: Direction; readonly profileLevelId?: string },
): NegotiatedMedia {
  const kind = section.kind as MediaKind;
  if (!/^(UDP|TCP)\/TLS\/RTP\/SAVPF?$/.test(section.protocol))
    throw new UnsupportedMediaError(`SDP offer: expected UDP/TLS/RTP/SAVPF, got ${section.protocol}`);
  if (!hasAttribute(section.attributes, 'rtcp-mux'))
    throw new UnsupportedMediaError(`SDP offer: the ${kind} section lacks a=rtcp-mux`);
  const codecs = offeredCodecs(section);
  const codec = kind === 'video' ? chooseH264(codecs, options.profileLevelId) : chooseOpus(codecs);
  if (codec === undefined) {
    const names = [...new Set(codecs.map(({ name }) => name))].join(', ') || 'nothing';
    throw new UnsupportedMediaError(`SDP offer: the ${kind} section offers ${names}; ${SUPPORTED}`);
  }
  const rtxPayloadType = kind === 'video' ? rtxFor(codecs, codec.payloadType) : undefined;
  const extensionIds = options.direction === 'receive' ? extensionsOf(section, kind) : {};
  return {
    kind,
    mid,
    payloadType: codec.payloadType,
    clockRate: codec.clockRate,
    channels: kind === 'video' ? 0 : codec.channels,
    fmtp: codec.fmtp,
    ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
    extensionIds,
    feedback: agreedFeedback(codec, kind, options.direction, extensionIds),
    ...(options.direction === 'receive'
      ? { ssrcHints: offeredSsrcs(section) }
      : ownSsrcs(rtxPayloadType !== undefined)),
  };
}

function agreedFeedback(
  codec: OfferedCodec,
  kind: MediaKind,
  direction: Direction,
  extensionIds: ExtensionIds,
): readonly string[] {
  return FEEDBACK[kind][direction].filter(
    (feedback) =>
      codec.feedback.includes(feedback) &&
      (feedback !== 'transport-cc' || extensionIds.transportCc !== undefined),
  );
}

function extensionsOf(section: SdpSection, kind: MediaKind): ExtensionIds {
  const idOf = (uri: string): number | undefined => {
    for (const value of attributeValues(section.attributes, 'extmap')) {
      const match = /^(\d{1,2})(?:\/\w+)? (\S+)/.exec(value);
      // One-byte ids only (RFC 8285 §4.2): nobody offers more than 14 extensions first.
      if (match?.[2] === uri && Number(match[1]) >= 1 && Number(match[1]) <= 14) return Number(match[1]);
    }
    return undefined;
  };
  const mid = idOf(EXTENSION_URIS.mid);
  const transportCc = kind === 'video' ? idOf(EXTENSION_URIS.transportCc) : undefined;
  const absSendTime = kind === 'video' ? idOf(EXTENSION_URIS.absSendTime) : undefined;
  return {
    ...(mid === undefined ? {} : { mid }),
    ...(transportCc === undefined ? {} : { transportCc }),
    ...(absSendTime === undefined ? {} : { absSendTime }),
  };
}

/** Primary first, then its retransmission stream, from `a=ssrc-group:FID` or the order of `a=ssrc`. */
export function offeredSsrcs(section: SdpSection): readonly number[] {
  const group = attributeValues(section.attributes, 'ssrc-group').find((value) => value.startsWith('FID '));
  const named = group?.slice(4).split(' ') ?? [];
  const listed = attributeValues(section.attributes, 'ssrc').map((value) => value.split(' ')[0]!);
  const numbers = [...named, ...listed].filter((value) => /^\d{1,10}$/.test(value)).map(Number);
  return [...new Set(numbers)].filter((ssrc) => ssrc <= 0xffff_ffff).slice(0, 2);
}

function ownSsrcs(withRtx: boolean): { ssrc: number; rtxSsrc?: number; ssrcHints: readonly number[] } {
  const [ssrc, rtxSsrc] = randomSsrcs();
  return withRtx ? { ssrc, rtxSsrc, ssrcHints: [ssrc, rtxSsrc] } : { ssrc, ssrcHints: [ssrc] };
}

/** Two sections share our one transport only if the peer bundles them (RFC 9143, required by RFC 9725 §4.4). */
function checkBundle(description: SessionDescription, sections: readonly SectionPlan[]): void {
  const taken = sections.filter((section) => section.media !== undefined);
  if (taken.length < 2) return;
  if (new Set(taken.map(({ mid }) => mid)).size < taken.length)
    throw new MalformedMediaError('SDP offer: two sections have the same a=mid');
  const group = attributeValues(description.attributes, 'group').find((value) => value.startsWith('BUNDLE '));
  const bundled = group?.split(' ').slice(1) ?? [];
  if (!taken.every(({ mid }) => bundled.includes(mid)))
    throw new UnsupportedMediaError('SDP offer: expected audio and video in one BUNDLE group');
}

/** Packets are told apart by payload type, so audio's and video's must differ (RFC 9143 §9.2). */
function checkPayloadTypes(sections: readonly SectionPlan[]): void {
  const seen = new Set<number>();
  for (const { media } of sections) {
    for (const payloadType of [media?.payloadType, media?.rtxPayloadType]) {
      if (payloadType === undefined) continue;
      if (seen.has(payloadType))
        throw new MalformedMediaError(`SDP offer: payload type ${payloadType} is used twice`);
      seen.add(payloadType);
    }
  }
}

function transportOf(
  description: SessionDescription,
  section: SdpSection,
): Pick<OfferPlan, 'remoteUfrag' | 'fingerprints'> {
  const remoteUfrag = inheritedValues(description, section, 'ice-ufrag')[0] ?? '';
  const password = inheritedValues(description, section, 'ice-pwd')[0] ?? '';
  if (!isIceToken(remoteUfrag, 4) || !isIceToken(password, 22))
    throw new MalformedMediaError('SDP offer: expected a=ice-ufrag and a=ice-pwd (RFC 8839 §5.4)');
  const fingerprints = inheritedValues(description, section, 'fingerprint').map(parseFingerprint);
  if (!fingerprints.some(isUsableFingerprint))
    throw new MalformedMediaError('SDP offer: expected a=fingerprint with sha-256, sha-384 or sha-512');
  const setup = inheritedValues(description, section, 'setup')[0] ?? 'actpass';
  if (setup !== 'actpass' && setup !== 'active')
    throw new UnsupportedMediaError(`SDP offer: expected a=setup:actpass or active, got ${setup}`);
  return { remoteUfrag, fingerprints: fingerprints.slice(0, 8) };
}

export function isIceToken(value: string, minLength: number): boolean {
  return value.length >= minLength && value.length <= 256 && /^[\w+/=-]+$/.test(value);
}

export function parseFingerprint(value: string): Fingerprint {
  const [algorithm = '', bytes = ''] = value.trim().split(/ +/);
  return { algorithm, value: bytes };
}
