import { Program } from './program.js';

export interface FfmpegPublisherOptions {
  /** `rtmp://host:port/app/key` */
  readonly url: string;
  /** A file to publish in a loop, paced as live. Without one, ffmpeg's own test picture and tone. */
  readonly file?: string;
  /** B-frames between references; 0 for none. */
  readonly bFrames?: number;
  readonly keyframeIntervalFrames?: number;
  /** Streams the file's own codecs instead of encoding. */
  readonly copy?: boolean;
  /** Ends by itself after this long. */
  readonly durationSeconds?: number;
}

/** Debian's ffmpeg as a broadcaster over RTMP: H.264 with B-frames and AAC, paced as live. */
export function startFfmpegPublisher(options: FfmpegPublisherOptions): Program {
  const { bFrames = 2, keyframeIntervalFrames = 60 } = options;
  const source =
    options.file === undefined
      ? [
          '-re',
          '-f',
          'lavfi',
          '-i',
          'testsrc2=size=1280x720:rate=30',
          '-re',
          '-f',
          'lavfi',
          '-i',
          'sine=frequency=440:sample_rate=48000',
        ]
      : ['-re', '-stream_loop', '-1', '-i', options.file];
  const codecs =
    options.copy === true
      ? ['-c', 'copy']
      : [
          ...[
            '-c:v',
            'libx264',
            '-preset',
            'ultrafast',
            '-profile:v',
            'main',
            '-pix_fmt',
            'yuv420p',
            '-threads',
            '1',
          ],
          ...['-bf', String(bFrames), '-g', String(keyframeIntervalFrames), '-b:v', '1500k'],
          ...['-c:a', 'aac', '-ar', '48000', '-ac', '2', '-b:a', '128k'],
        ];
  return Program.start('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-loglevel', 'warning'],
    ...source,
    ...(options.durationSeconds === undefined ? [] : ['-t', String(options.durationSeconds)]),
    ...codecs,
    ...['-f', 'flv', options.url],
  ]);
}
