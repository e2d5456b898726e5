/** Playlists of RFC 8216bis (HTTP Live Streaming, 2nd edition). Pure text from plain values. */

export interface HlsPart {
  readonly uri: string;
  /** In 1/90000 s. */
  readonly duration: number;
  readonly isIndependent: boolean;
}

export interface HlsSegment {
  /** Media sequence number. */
  readonly msn: number;
  readonly uri: string;
  readonly initUri: string;
  readonly parts: readonly HlsPart[];
  /** The timeline starts anew here. */
  readonly isDiscontinuity: boolean;
  /** When its first picture was on air, in ms since 1970. */
  readonly programDateTimeMs: number;
  readonly isComplete: boolean;
}

export interface MediaPlaylist {
  /** The last one may be incomplete. */
  readonly segments: readonly HlsSegment[];
  /** Discontinuities before the first segment. */
  readonly discontinuitySequence: number;
  /** Least values in seconds; longer segments and parts raise them. */
  readonly segmentTarget: number;
  readonly partTarget: number;
  /** The part that comes next. */
  readonly nextPartUri: string;
  readonly isEnded: boolean;
}

/** Parts are listed for this many target durations from the end (§4.4.4.9 asks for three). */
const PART_WINDOW = 3;
/** PART-HOLD-BACK in part targets (§4.4.3.8: at least twice, should be three times). */
const PART_HOLD_BACK = 3;

export function segmentDuration(segment: HlsSegment): number {
  return segment.parts.reduce((sum, part) => sum + part.duration, 0);
}

const seconds = (duration: number): string => (duration / 90_000).toFixed(5);

export function renderMediaPlaylist(playlist: MediaPlaylist): string {
  const { segments } = playlist;
  const complete = segments.filter((segment) => segment.isComplete);
  const longest = Math.max(0, ...complete.map(segmentDuration));
  const target = Math.max(Math.ceil(playlist.segmentTarget), Math.round(longest / 90_000));
  const longestPart = Math.max(
    0,
    ...segments.flatMap((segment) => segment.parts.map((part) => part.duration)),
  );
  const partTarget = Math.max(playlist.partTarget, Math.ceil(longestPart / 90) / 1_000);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    `#EXT-X-TARGETDURATION:${target}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${(partTarget * PART_HOLD_BACK).toFixed(3)},HOLD-BACK=${target * 3}`,
    `#EXT-X-PART-INF:PART-TARGET=${partTarget.toFixed(3)}`,
    `#EXT-X-MEDIA-SEQUENCE:${segments[0]?.msn ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`,
  ];
  if (segments.every((segment) => segment.parts[0]?.isIndependent !== false)) {
    lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  }
  const firstWithParts = partsFrom(segments, target);
  let initUri: string | undefined;
  for (const [index, segment] of segments.entries()) {
    if (!segment.isComplete && playlist.isEnded) continue;
    if (segment.isDiscontinuity && index > 0) lines.push('#EXT-X-DISCONTINUITY');
    if (segment.initUri !== initUri) lines.push(`#EXT-X-MAP:URI="${segment.initUri}"`);
    initUri = segment.initUri;
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programDateTimeMs).toISOString()}`);
    if (index >= firstWithParts && !playlist.isEnded) lines.push(...segment.parts.map(partLine));
    if (segment.isComplete) lines.push(`#EXTINF:${seconds(segmentDuration(segment))},`, segment.uri);
  }
  lines.push(
    playlist.isEnded ? '#EXT-X-ENDLIST' : `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.nextPartUri}"`,
  );
  return `${lines.join('\n')}\n`;
}

function partLine(part: HlsPart): string {
  const independent = part.isIndependent ? ',INDEPENDENT=YES' : '';
  return `#EXT-X-PART:DURATION=${seconds(part.duration)},URI="${part.uri}"${independent}`;
}

/** Index of the first segment whose parts are listed. */
function partsFrom(segments: readonly HlsSegment[], target: number): number {
  let covered = 0;
  for (let index = segments.length - 1; index >= 0; index--) {
    const segment = segments[index];
    if (segment === undefined) break;
    covered += segmentDuration(segment);
    if (covered > PART_WINDOW * target * 90_000) return index + 1;
  }
  return 0;
}

export interface MultivariantPlaylist {
  readonly mediaUri: string;
  /** RFC 6381, e.g. `avc1.64001f,mp4a.40.2`. */
  readonly codecs: readonly string[];
  readonly bandwidthBps: number;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

export function renderMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const { width, height } = playlist;
  const resolution = width === undefined || height === undefined ? '' : `,RESOLUTION=${width}x${height}`;
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    `#EXT-X-STREAM-INF:BANDWIDTH=${playlist.bandwidthBps},CODECS="${playlist.codecs.join(',')}"${resolution}`,
    playlist.mediaUri,
    '',
  ].join('\n');
}
