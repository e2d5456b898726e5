import { Program } from './program.js';

/** A packet as ffprobe sees it. Times in milliseconds; FLV rounds them to whole ones. */
export interface ProbedPacket {
  readonly kind: 'video' | 'audio';
  readonly ptsMs: number;
  readonly dtsMs: number;
  readonly bytes: number;
  readonly isKey: boolean;
}

interface ProbedStream {
  readonly codec: string;
  readonly profile: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
  /** B-frames: how many pictures are held back for reordering. */
  readonly reorderFrames: number | undefined;
}

export interface Probe {
  readonly video: ProbedStream | undefined;
  readonly audio: ProbedStream | undefined;
  /** In file order. */
  readonly videoPackets: readonly ProbedPacket[];
  readonly audioPackets: readonly ProbedPacket[];
}

interface FfprobeJson {
  readonly streams?: readonly Record<string, string | number | undefined>[];
  readonly packets?: readonly Record<string, string | undefined>[];
}

/** Reads the streams and all packets of a file with Debian's ffprobe. */
export async function probe(path: string): Promise<Probe> {
  const { stdout } = await Program.run('ffprobe', [
    ...['-v', 'error', '-show_streams', '-show_packets', '-of', 'json'],
    ...['-show_entries', 'packet=codec_type,pts_time,dts_time,size,flags'],
    ...[
      '-show_entries',
      'stream=codec_type,codec_name,profile,width,height,sample_rate,channels,has_b_frames',
    ],
    path,
  ]);
  const json = JSON.parse(stdout.toString('utf8')) as FfprobeJson;
  const packets = (json.packets ?? []).map(toPacket);
  return {
    video: toStream(json, 'video'),
    audio: toStream(json, 'audio'),
    videoPackets: packets.filter((packet) => packet.kind === 'video'),
    audioPackets: packets.filter((packet) => packet.kind === 'audio'),
  };
}

function toPacket(fields: Record<string, string | undefined>): ProbedPacket {
  const ms = (text: string | undefined): number => Math.round(Number(text) * 1_000_000) / 1_000;
  return {
    kind: fields['codec_type'] === 'video' ? 'video' : 'audio',
    ptsMs: ms(fields['pts_time'] ?? fields['dts_time']),
    dtsMs: ms(fields['dts_time'] ?? fields['pts_time']),
    bytes: Number(fields['size']),
    isKey: fields['flags']?.startsWith('K') === true,
  };
}

function toStream(json: FfprobeJson, kind: string): ProbedStream | undefined {
  const stream = json.streams?.find((candidate) => candidate['codec_type'] === kind);
  if (stream === undefined) return undefined;
  const number = (value: string | number | undefined): number | undefined =>
    value === undefined ? undefined : Number(value);
  return {
    codec: String(stream['codec_name']),
    profile: stream['profile'] === undefined ? undefined : String(stream['profile']),
    width: number(stream['width']),
    height: number(stream['height']),
    sampleRate: number(stream['sample_rate']),
    channels: number(stream['channels']),
    reorderFrames: number(stream['has_b_frames']),
  };
}

export interface VideoTiming {
  readonly pictures: number;
  /** Packets whose dts does not exceed the one before. */
  readonly dtsBackward: number;
  /** Pictures that share their pts with another. */
  readonly ptsRepeated: number;
  /** Longest distance between two neighbours in presentation order. */
  readonly maxStepMs: number;
  /** Where that was. */
  readonly maxStepAtMs: number;
}

/** How regular a video track's times are. */
export function videoTiming(packets: readonly ProbedPacket[]): VideoTiming {
  let dtsBackward = 0;
  packets.forEach((packet, i) => {
    const previous = packets[i - 1];
    if (previous !== undefined && packet.dtsMs <= previous.dtsMs) dtsBackward++;
  });
  // Where a recording ends, pictures may be in whose predecessors in presentation were still to come.
  const complete = packets.reduce((last, { dtsMs }) => Math.max(last, dtsMs), -Infinity);
  const pts = packets
    .map((packet) => packet.ptsMs)
    .filter((time) => time <= complete)
    .sort((a, b) => a - b);
  let [ptsRepeated, maxStepMs, maxStepAtMs] = [0, 0, 0];
  pts.forEach((time, i) => {
    const previous = pts[i - 1];
    if (previous === undefined) return;
    if (time === previous) ptsRepeated++;
    if (time - previous > maxStepMs) [maxStepMs, maxStepAtMs] = [time - previous, previous];
  });
  return { pictures: packets.length, dtsBackward, ptsRepeated, maxStepMs, maxStepAtMs };
}

export interface AudioTiming {
  readonly frames: number;
  /**
   * Farthest that any frame's time is from `first + n × frameSamples / rate`. FLV's rounding to milliseconds, of the
   * frame itself and of the first, can make up to 1 ms of it; a lost or doubled frame makes 21.
   */
  readonly maxDeviationMs: number;
  readonly maxDeviationAtMs: number;
}

/** FLV rounds both the first and each other frame's time by up to half a millisecond. */
export const flvRoundingMs = 1;

/** Whether an audio track advances by exactly `frameSamples` with each frame, from its first to its last. */
export function audioTiming(
  packets: readonly ProbedPacket[],
  sampleRate: number,
  frameSamples = 1024,
): AudioTiming {
  const first = packets[0]?.ptsMs ?? 0;
  let [maxDeviationMs, maxDeviationAtMs] = [0, 0];
  packets.forEach((packet, n) => {
    const deviation = Math.abs(packet.ptsMs - (first + (n * frameSamples * 1_000) / sampleRate));
    if (deviation > maxDeviationMs) [maxDeviationMs, maxDeviationAtMs] = [deviation, packet.ptsMs];
  });
  return { frames: packets.length, maxDeviationMs, maxDeviationAtMs };
}

/** The lines that Debian's ffmpeg has to complain with when it decodes all of a file; empty is the only good answer. */
export async function decodeErrors(path: string): Promise<string[]> {
  const result = await Program.start('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-i', path],
    ...['-map', '0', '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'null', '-'],
  ]).result();
  const lines = result.stderr.split('\n').filter((line) => line.trim() !== '');
  if (result.code !== 0) lines.push(`ffmpeg ended with ${result.code ?? result.signal}`);
  return lines;
}
