import { execFileSync } from 'node:child_process';
import { Mp4Reader } from '../../src/container/mp4/reader.js';
import type { AccessUnit, AudioUnit, VideoUnit } from '../../src/media/access-unit.js';

export interface ClipOptions {
  readonly size?: string;
  readonly seconds?: number;
  readonly bFrames?: number;
  readonly profile?: string;
  readonly audio?: 'aac' | 'libopus' | 'none';
  readonly gop?: number;
  /** Further output options, before the path. */
  readonly output?: readonly string[];
}

/** A clip with a moving picture and a tone, H.264 at 25 pictures a second. */
export function makeClip(path: string, options: ClipOptions = {}): string {
  const seconds = options.seconds ?? 3;
  const audio = options.audio ?? 'aac';
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc=s=${options.size ?? '320x180'}:r=25:d=${seconds}`],
    ...(audio === 'none' ? [] : ['-f', 'lavfi', '-i', `sine=d=${seconds}:r=48000:f=440`]),
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', String(options.gop ?? 25)],
    ...['-profile:v', options.profile ?? 'main', '-bf', String(options.bFrames ?? 0)],
    ...(audio === 'none' ? [] : ['-c:a', audio, '-ac', '2', '-b:a', '64k']),
    ...(options.output ?? []),
    path,
  ]);
  return path;
}

export async function readUnits(path: string): Promise<AccessUnit[]> {
  const reader = await Mp4Reader.open(path);
  try {
    const units: AccessUnit[] = [];
    for await (const unit of reader.units()) units.push(unit);
    return units;
  } finally {
    await reader.close();
  }
}

export function videoOf(units: readonly AccessUnit[]): VideoUnit[] {
  return units.filter((unit) => unit.kind === 'video');
}

export function audioOf(units: readonly AccessUnit[]): AudioUnit[] {
  return units.filter((unit) => unit.kind === 'audio');
}

/** The same unit on a later timeline, in whole milliseconds. */
export function later(unit: AccessUnit, ms: number): AccessUnit {
  if (unit.kind === 'audio') return { ...unit, pts: unit.pts + (ms * unit.config.sampleRate) / 1000 };
  return { ...unit, pts: unit.pts + ms * 90, dts: unit.dts + ms * 90 };
}

/** Clips one after the other on one timeline, audio on one grid of 1024 samples, as a program has it. */
export function concatenate(clips: readonly (readonly AccessUnit[])[], clipMs = 3_000): AccessUnit[] {
  const audio: AudioUnit[] = [];
  const video: VideoUnit[] = [];
  for (const [index, clip] of clips.entries()) {
    for (const unit of clip) {
      if (unit.kind === 'video') video.push(later(unit, index * clipMs) as VideoUnit);
      else if (audio.length * 1024 < (index + 1) * clipMs * 48)
        audio.push({ ...unit, pts: audio.length * 1024 });
    }
  }
  const time = (unit: AccessUnit): number => (unit.kind === 'video' ? unit.dts / 90 : unit.pts / 48);
  return [...video, ...audio].sort((a, b) => time(a) - time(b));
}

export interface Probe {
  readonly streams: readonly {
    readonly codec_name: string;
    readonly start_time: string;
    readonly duration: string;
    readonly nb_frames?: string;
    readonly nb_read_frames?: string;
  }[];
  readonly format: { readonly duration: string };
}

export function probe(path: string): Probe {
  const output = execFileSync(
    'ffprobe',
    ['-v', 'error', '-count_frames', '-show_streams', '-show_format', '-of', 'json', path],
    { encoding: 'utf8' },
  );
  return JSON.parse(output) as Probe;
}

/** What ffmpeg complains of while it decodes all of the file; empty when nothing. */
export function decodeErrors(path: string): string {
  return execFileSync('sh', ['-c', 'ffmpeg -v warning -xerror -i "$0" -f null - 2>&1 || echo FAILED', path], {
    encoding: 'utf8',
  });
}

/** Presentation times of packets in seconds, in decoding order. */
export function packetTimes(path: string, stream: 'v' | 'a'): { pts: number; dts: number }[] {
  const output = execFileSync(
    'ffprobe',
    [
      '-v',
      'error',
      '-select_streams',
      `${stream}:0`,
      '-show_entries',
      'packet=pts_time,dts_time',
      '-of',
      'json',
      path,
    ],
    { encoding: 'utf8' },
  );
  const { packets } = JSON.parse(output) as { packets: { pts_time: string; dts_time: string }[] };
  return packets.map((packet) => ({ pts: Number(packet.pts_time), dts: Number(packet.dts_time) }));
}
