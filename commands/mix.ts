import { Args, Flags } from '@oclif/core';
import chalk from 'chalk';
import { basename, extname } from 'node:path';
import { InvalidOptionError } from '../src/base/errors.js';
import {
  defaultProgramSettings,
  type Aspect,
  type LayoutName,
  type ProgramSettings,
} from '../src/media/program-settings.js';
import type { MixFilesProgress, OfflineResult } from '../src/mix/offline.js';
import { BaseCommand } from './cli/base-command.js';

const layouts: readonly LayoutName[] = ['solo', 'side-by-side', 'grid', 'pip', 'host-left'];
const aspects: readonly Aspect[] = ['crop', 'fit'];
const presets: readonly ProgramSettings['x264Preset'][] = [
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
];

export default class Mix extends BaseCommand {
  static override summary = 'Mix recordings of a host and guests into one program.';

  static override description =
    'The first file is the host. The same mixer as live, under its own clock: the same files give the same bytes, faster than real time. Any file that ffmpeg reads will do.';

  static override examples = [
    '<%= config.bin %> mix host.mp4 guest.mp4 -o program.mp4',
    '<%= config.bin %> mix host.mp4 ada.mp4 bo.webm -o program.mp4 --layout host-left --start ada=3.5 --start bo=10',
    '<%= config.bin %> mix host.mp4 guest.mp4 -o program.mp4 --size 1920x1080 --fps 30 --video-bitrate 4000 --json',
  ];

  static override strict = false;

  static override args = {
    host: Args.string({ required: true, description: "the host's recording" }),
    guests: Args.string({ description: "up to five guests' recordings" }),
  };

  static override flags = {
    output: Flags.string({ char: 'o', required: true, description: 'MP4 to write' }),
    force: Flags.boolean({ char: 'f', default: false, description: 'overwrite the output' }),
    layout: Flags.option({ options: layouts, default: defaultProgramSettings.layout as LayoutName })({
      description: 'where the participants go',
    }),
    aspect: Flags.option({ options: aspects, default: defaultProgramSettings.aspect })({
      description: 'crop pictures to fill their tiles, or fit all of them in',
    }),
    size: Flags.string({
      default: `${defaultProgramSettings.width}x${defaultProgramSettings.height}`,
      description: 'canvas in pixels, WIDTHxHEIGHT',
    }),
    fps: Flags.integer({ default: defaultProgramSettings.fps, description: 'pictures per second' }),
    'video-bitrate': Flags.integer({
      default: defaultProgramSettings.videoBitrateBps / 1000,
      description: 'kb/s',
    }),
    'audio-bitrate': Flags.integer({
      default: defaultProgramSettings.audioBitrateBps / 1000,
      description: 'kb/s',
    }),
    preset: Flags.option({ options: presets, default: defaultProgramSettings.x264Preset })({
      description: 'x264 preset',
    }),
    background: Flags.string({ default: defaultProgramSettings.background, description: '#rrggbb' }),
    labels: Flags.boolean({ default: true, allowNo: true, description: "show the files' names as labels" }),
    start: Flags.string({
      multiple: true,
      description:
        'when a file comes on, as NAME=SECONDS; NAME is host, guest1… or the file name without its ending',
    }),
  };

  async run(): Promise<OfflineResult & { output: string }> {
    const { flags, argv } = await this.parse(Mix);
    const paths = argv.map(String);
    const starts = parseStarts(flags.start ?? [], paths);
    const [width, height] = parseSize(flags.size);
    const settings: ProgramSettings = {
      ...defaultProgramSettings,
      width,
      height,
      fps: flags.fps,
      videoBitrateBps: flags['video-bitrate'] * 1000,
      audioBitrateBps: flags['audio-bitrate'] * 1000,
      x264Preset: flags.preset,
      layout: flags.layout,
      aspect: flags.aspect,
      labels: flags.labels,
      background: flags.background,
    };
    const { mixFiles } = await import('../src/mix/offline.js');
    const bar = await this.#progressBar();
    try {
      const result = await mixFiles({
        inputs: paths.map((path, i) => ({ path, startMs: starts[i] ?? 0 })),
        output: flags.output,
        overwrite: flags.force,
        settings,
        signal: this.interruptSignal(),
        onProgress: bar.update,
      });
      bar.stop();
      const seconds = (result.durationMs / 1000).toFixed(1);
      this.log(`${chalk.green('✔')} ${flags.output}: ${seconds} s, ${result.pictures} pictures`);
      if (result.decodeErrors > 0) {
        this.warn(`${result.decodeErrors} damaged units of the inputs were left out`);
      }
      return { output: flags.output, ...result };
    } finally {
      bar.stop();
    }
  }

  async #progressBar(): Promise<{ update: (progress: MixFilesProgress) => void; stop: () => void }> {
    if (!process.stderr.isTTY || this.jsonEnabled())
      return { update: () => undefined, stop: () => undefined };
    const { SingleBar, Presets } = await import('cli-progress');
    const bar = new SingleBar(
      {
        format: '{stage} {bar} {percentage}% | {value}/{total} s',
        stream: process.stderr,
        clearOnComplete: true,
      },
      Presets.shades_classic,
    );
    bar.start(1, 0, { stage: 'reading' });
    return {
      update: ({ stage, doneMs, totalMs }) => {
        const done = Math.round(doneMs / 1000);
        bar.setTotal(Math.max(1, done, Math.round((totalMs ?? 0) / 1000)));
        bar.update(done, { stage });
      },
      stop: () => bar.stop(),
    };
  }
}

function parseSize(size: string): [number, number] {
  const match = /^(\d+)x(\d+)$/.exec(size);
  if (match === null) throw new InvalidOptionError(`--size: expected WIDTHxHEIGHT, got ${size}`);
  return [Number(match[1]), Number(match[2])];
}

function parseStarts(starts: readonly string[], paths: readonly string[]): number[] {
  const names = paths.map((path, i) => [i === 0 ? 'host' : `guest${i}`, basename(path, extname(path))]);
  const startMs = paths.map(() => 0);
  for (const start of starts) {
    const [, name = '', seconds = ''] = /^(.*)=(\d+(?:\.\d+)?)$/.exec(start) ?? [];
    const index = names.findIndex((candidates) => candidates.includes(name));
    if (index === -1) {
      throw new InvalidOptionError(
        `--start: expected NAME=SECONDS with one of ${names.map(([id]) => id).join(', ')}, got ${start}`,
      );
    }
    startMs[index] = Math.round(Number(seconds) * 1000);
  }
  return startMs;
}
