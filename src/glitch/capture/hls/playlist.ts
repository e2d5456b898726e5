import { MalformedMediaError, UnsupportedMediaError } from '../../../base/errors.js';

/** Playlists as RFC 8216bis has them, as far as reading whole segments needs it. Addresses are absolute. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface HlsResource {
  readonly uri: string;
  readonly range: ByteRange | undefined;
}

export interface HlsSegment extends HlsResource {
  /** Media sequence number. */
  readonly msn: number;
  readonly durationMs: number;
  /** The initialisation section; TS has none. */
  readonly map: HlsResource | undefined;
  /** The timeline starts anew here. */
  readonly isDiscontinuity: boolean;
  /** The server says that it has no such segment. */
  readonly isGap: boolean;
}

export interface MediaPlaylist {
  readonly kind: 'media';
  readonly targetDurationMs: number;
  readonly segments: readonly HlsSegment[];
  readonly isEnded: boolean;
}

export interface HlsVariant {
  readonly uri: string;
  readonly bandwidthBps: number;
  /** Its sound lies in playlists of its own: the address of one. */
  readonly audioUri: string | undefined;
}

interface MultivariantPlaylist {
  readonly kind: 'multivariant';
  readonly variants: readonly HlsVariant[];
}

const MAX_SEGMENTS = 100_000;

/**
 * @param base the address that the text came from
 * @throws MalformedMediaError when it is no playlist; UnsupportedMediaError when its segments are encrypted
 */
export function parsePlaylist(text: string, base: string): MediaPlaylist | MultivariantPlaylist {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  if (lines[0]?.replace(/^\ufeff/, '') !== '#EXTM3U') {
    throw new MalformedMediaError('HLS playlist: expected #EXTM3U first', { offset: 0 });
  }
  const isMultivariant = lines.some((line) => line.startsWith('#EXT-X-STREAM-INF:'));
  return isMultivariant ? parseMultivariant(lines, base) : parseMedia(lines, base);
}

function parseMultivariant(lines: readonly string[], base: string): MultivariantPlaylist {
  const sounds = new Map<string, string>();
  for (const line of lines) {
    const { TYPE, URI, 'GROUP-ID': group } = attributes(line, '#EXT-X-MEDIA:') ?? {};
    if (TYPE === 'AUDIO' && URI !== undefined && group !== undefined && !sounds.has(group)) {
      sounds.set(group, absolute(URI, base));
    }
  }
  const variants = lines.flatMap((line, index) => {
    const told = attributes(line, '#EXT-X-STREAM-INF:');
    const uri = lines.slice(index + 1).find((next) => next !== '' && !next.startsWith('#'));
    if (told === undefined || uri === undefined) return [];
    const audioUri = told['AUDIO'] === undefined ? undefined : sounds.get(told['AUDIO']);
    return [{ uri: absolute(uri, base), bandwidthBps: Number(told['BANDWIDTH']) || 0, audioUri }];
  });
  return { kind: 'multivariant', variants };
}

function parseMedia(lines: readonly string[], base: string): MediaPlaylist {
  const segments: HlsSegment[] = [];
  const value = (tag: string): number =>
    Number(lines.find((line) => line.startsWith(`${tag}:`))?.slice(tag.length + 1)) || 0;
  const firstMsn = value('#EXT-X-MEDIA-SEQUENCE');
  let map: HlsResource | undefined;
  let range: string | undefined;
  let previous: HlsResource | undefined;
  let next = { durationMs: 0, isDiscontinuity: false, isGap: false };
  for (const line of lines) {
    const mapped = attributes(line, '#EXT-X-MAP:');
    const key = attributes(line, '#EXT-X-KEY:');
    if (key !== undefined && key['METHOD'] !== 'NONE') {
      throw new UnsupportedMediaError('encrypted HLS is not supported here');
    }
    if (mapped?.['URI'] !== undefined) {
      const uri = absolute(mapped['URI'], base);
      map = { uri, range: byteRange(mapped['BYTERANGE'], uri, undefined) };
    } else if (line.startsWith('#EXTINF:')) next.durationMs = 1000 * parseFloat(line.slice(8));
    else if (line.startsWith('#EXT-X-BYTERANGE:')) range = line.slice(17);
    else if (line === '#EXT-X-DISCONTINUITY') next.isDiscontinuity = true;
    else if (line === '#EXT-X-GAP') next.isGap = true;
    else if (line !== '' && !line.startsWith('#')) {
      if (segments.length >= MAX_SEGMENTS) {
        throw new MalformedMediaError(`HLS playlist: more than ${MAX_SEGMENTS} segments`);
      }
      const uri = absolute(line, base);
      previous = { uri, range: byteRange(range, uri, previous) };
      segments.push({ msn: firstMsn + segments.length, ...previous, map, ...next });
      next = { durationMs: 0, isDiscontinuity: false, isGap: false };
      range = undefined;
    }
  }
  const targetDurationMs = 1000 * value('#EXT-X-TARGETDURATION');
  if (!(targetDurationMs > 0)) throw new MalformedMediaError('HLS playlist: expected a target duration');
  return { kind: 'media', targetDurationMs, segments, isEnded: lines.includes('#EXT-X-ENDLIST') };
}

/** `length[@offset]`; without an offset it goes on where the range before it in the same resource ended (§4.4.4.2). */
function byteRange(
  text: string | undefined,
  uri: string,
  previous: HlsResource | undefined,
): ByteRange | undefined {
  const [, length, offset] = /^(\d+)(?:@(\d+))?$/.exec(text ?? '') ?? [];
  if (length === undefined) return undefined;
  const before = previous?.uri === uri ? previous.range : undefined;
  const follows = before === undefined ? 0 : before.offset + before.length;
  return { offset: offset === undefined ? follows : Number(offset), length: Number(length) };
}

function attributes(line: string, tag: string): Record<string, string> | undefined {
  if (!line.startsWith(tag)) return undefined;
  const found: Record<string, string> = {};
  for (const [, name = '', value = ''] of line.slice(tag.length).matchAll(/([A-Z0-9-]+)=("[^"]*"|[^",]*)/g)) {
    found[name] = value.replace(/^"|"$/g, '');
  }
  return found;
}

function absolute(uri: string, base: string): string {
  const url = URL.canParse(uri, base) ? new URL(uri, base) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new MalformedMediaError(
      `HLS playlist: expected an HTTP address, got ${JSON.stringify(uri.slice(0, 100))}`,
    );
  }
  return url.href;
}
