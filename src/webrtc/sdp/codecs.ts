import { attributeValues, type SdpSection } from './session-description.js';

/** One payload type of an m-section with what belongs to it. */
export interface OfferedCodec {
  readonly payloadType: number;
  /** Lower case, e.g. `h264`. */
  readonly name: string;
  readonly clockRate: number;
  /** 1 when not said. */
  readonly channels: number;
  readonly fmtp: string;
  readonly feedback: readonly string[];
}

/** The codecs of a section in its own order of preference. Lines that are not well-formed are left out. */
export function offeredCodecs(section: SdpSection): readonly OfferedCodec[] {
  const byPayloadType = (name: string): Map<string, string[]> => {
    const values = new Map<string, string[]>();
    for (const value of attributeValues(section.attributes, name)) {
      const space = value.indexOf(' ');
      if (space < 0) continue;
      const key = value.slice(0, space);
      values.set(key, [...(values.get(key) ?? []), value.slice(space + 1)]);
    }
    return values;
  };
  const rtpmaps = byPayloadType('rtpmap');
  const fmtps = byPayloadType('fmtp');
  const feedbacks = byPayloadType('rtcp-fb');
  const codecs: OfferedCodec[] = [];
  for (const format of new Set(section.formats)) {
    const map = /^([\w.-]+)\/(\d{1,6})(?:\/(\d{1,2}))?$/.exec(rtpmaps.get(format)?.[0] ?? '');
    const payloadType = Number(format);
    if (map === null || !/^\d{1,3}$/.test(format) || !isDynamicPayloadType(payloadType)) continue;
    codecs.push({
      payloadType,
      name: map[1]!.toLowerCase(),
      clockRate: Number(map[2]),
      channels: Number(map[3] ?? 1),
      fmtp: fmtps.get(format)?.[0] ?? '',
      feedback: [...(feedbacks.get(format) ?? []), ...(feedbacks.get('*') ?? [])],
    });
  }
  return codecs;
}

/** Usable beside RTCP on one port: 64–95 would be taken for it (RFC 5761 §4). */
function isDynamicPayloadType(payloadType: number): boolean {
  return payloadType < 64 || (payloadType > 95 && payloadType < 128);
}

/** A format parameter, its name in any case. */
function formatParameter(fmtp: string, name: string): string | undefined {
  for (const part of fmtp.split(';')) {
    const equals = part.indexOf('=');
    if (equals >= 0 && part.slice(0, equals).trim().toLowerCase() === name)
      return part.slice(equals + 1).trim();
  }
  return undefined;
}

/** The retransmission payload type for `payloadType` (RFC 4588 §8.6). */
export function rtxFor(codecs: readonly OfferedCodec[], payloadType: number): number | undefined {
  return codecs.find(
    (codec) => codec.name === 'rtx' && formatParameter(codec.fmtp, 'apt') === String(payloadType),
  )?.payloadType;
}

type H264Profile = 'constrained-baseline' | 'baseline' | 'main' | 'constrained-high' | 'high';

/** Safest first: what every decoder behind us takes, and what has no B-frames. */
const PROFILE_ORDER: readonly H264Profile[] = [
  'constrained-baseline',
  'baseline',
  'main',
  'constrained-high',
  'high',
];

/** RFC 6184 §8.1 table 5, as far as browsers use it. An absent parameter means Baseline. */
function h264Profile(profileLevelId: string): H264Profile | undefined {
  const match = /^([0-9a-f]{2})([0-9a-f]{2})[0-9a-f]{2}$/i.exec(profileLevelId);
  if (match === null) return undefined;
  const constraints = parseInt(match[2]!, 16);
  switch (match[1]!.toLowerCase()) {
    case '42':
      return (constraints & 0x40) !== 0 ? 'constrained-baseline' : 'baseline';
    case '4d':
      return (constraints & 0x80) !== 0 ? 'constrained-baseline' : 'main';
    case '64':
      return (constraints & 0x0c) === 0x0c ? 'constrained-high' : 'high';
    default:
      return undefined;
  }
}

/**
 * The H.264 payload type to use: packetization-mode 1, the profile of `wanted` when it is there, else the safest.
 * Where it stands in the offer does not matter.
 */
export function chooseH264(codecs: readonly OfferedCodec[], wanted?: string): OfferedCodec | undefined {
  const wantedProfile = wanted === undefined ? undefined : h264Profile(wanted);
  const order = wantedProfile === undefined ? PROFILE_ORDER : [wantedProfile, ...PROFILE_ORDER];
  const usable = codecs.filter(
    (codec) =>
      codec.name === 'h264' &&
      codec.clockRate === 90_000 &&
      formatParameter(codec.fmtp, 'packetization-mode') === '1',
  );
  for (const profile of order) {
    const found = usable.find(
      (codec) => h264Profile(formatParameter(codec.fmtp, 'profile-level-id') ?? '42000a') === profile,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

export function chooseOpus(codecs: readonly OfferedCodec[]): OfferedCodec | undefined {
  return codecs.find((codec) => codec.name === 'opus' && codec.clockRate === 48_000 && codec.channels === 2);
}
