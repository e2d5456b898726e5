import { readFile } from 'node:fs/promises';
import { Args, Flags } from '@oclif/core';
import chalk from 'chalk';
import { CancelledError, DestinationError, InvalidOptionError } from '../src/base/errors.js';
import type { PublishProgress, PublishReport, TargetReport } from '../src/publish/publish-file.js';
import { BaseCommand } from './cli/base-command.js';
import { LiveLines } from './cli/live-lines.js';

export default class PublishRtmp extends BaseCommand {
  static override summary = 'Publish a file to one or more RTMP or RTMPS servers, in real time';

  static override description =
    'H.264 and AAC go out untouched; anything else that ffmpeg reads is converted first. Each target has a connection ' +
    'of its own that is made anew when it is lost and never holds up the others. Ends with code 5 when a target was ' +
    'not live at the end.';

  static override examples = [
    {
      description: 'Publish a clip once',
      command: '<%= config.bin %> <%= command.id %> samples/host.mp4 rtmp://127.0.0.1/live/key',
    },
    {
      description: 'Loop it to two servers at once, until Ctrl-C',
      command:
        '<%= config.bin %> <%= command.id %> clip.flv rtmp://a.example/live/key rtmps://b.example/app/key --loop',
    },
    {
      description: 'Trust a private certificate and print a summary as JSON',
      command: '<%= config.bin %> <%= command.id %> clip.mp4 rtmps://10.0.0.5/live/key --ca ca.pem --json',
    },
  ];

  static override strict = false;

  static override args = {
    file: Args.string({ required: true, description: 'file to publish' }),
    url: Args.string({ required: true, description: 'rtmp[s]://host[:port]/app/key; several may follow' }),
  };

  static override flags = {
    loop: Flags.boolean({ description: 'begin again at the end, timestamps going on', exclusive: ['times'] }),
    times: Flags.integer({ min: 1, default: 1, description: 'how often to publish the file' }),
    ca: Flags.string({ description: 'PEM file of certificates to trust for rtmps instead of the system’s' }),
    'max-attempts': Flags.integer({
      min: 1,
      description: 'failures in a row after which a target is given up (default: never)',
    }),
    'connect-timeout': Flags.integer({
      min: 100,
      default: 10_000,
      description: 'milliseconds to connect within',
    }),
  };

  async run(): Promise<PublishReport> {
    const { flags, args, argv } = await this.parse(PublishRtmp);
    const signal = this.interruptSignal();
    const ca = flags.ca === undefined ? undefined : await readCertificates(flags.ca);
    const { publishFile } = await import('../src/publish/publish-file.js');
    const lines = new LiveLines();
    const report = await publishFile({
      path: args.file,
      urls: argv.slice(1).map(String),
      times: flags.loop ? Infinity : flags.times,
      signal,
      logger: this.createLogger(flags['log-level']),
      target: {
        connectTimeoutMs: flags['connect-timeout'],
        ...(ca !== undefined && { ca }),
        ...(flags['max-attempts'] !== undefined && { maxAttempts: flags['max-attempts'] }),
      },
      onProgress: (progress) => lines.show(liveFigures(progress)),
    });
    lines.show(liveFigures(report));
    for (const target of report.targets) this.log(summary(target));
    if (report.targets.some((target) => target.state !== 'live')) {
      process.exitCode = new DestinationError('').exitCode;
    } else if (report.wasStopped) process.exitCode = new CancelledError('').exitCode;
    return report;
  }
}

async function readCertificates(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new InvalidOptionError(`--ca: ${path} cannot be read`, { cause });
  });
}

const paint: Record<TargetReport['state'], (text: string) => string> = {
  connecting: chalk.yellow,
  live: chalk.green,
  stalled: chalk.yellow,
  reconnecting: chalk.yellow,
  failed: chalk.red,
  idle: chalk.dim,
};

function liveFigures({ mediaMs, targets }: PublishProgress): string[] {
  return [
    chalk.dim(`published ${clockTime(mediaMs)}`),
    ...targets.map((target) => {
      const figures = [
        `${(target.bitrateBps / 1e6).toFixed(2)} Mb/s`,
        `queue ${target.queueMs} ms`,
        `dropped ${target.droppedUnits}`,
        `reconnects ${target.reconnects}`,
      ].join('  ');
      const isTroubled = target.state !== 'live' && target.lastError !== undefined;
      const trouble = isTroubled ? chalk.dim(`  ${target.lastError.slice(0, 60)}`) : '';
      return `${paint[target.state](target.state.padEnd(12))} ${target.address}  ${figures}${trouble}`;
    }),
  ];
}

function summary(target: TargetReport): string {
  const figures =
    `${(target.bytesOut / 1e6).toFixed(2)} MB in ${target.unitsOut} units, ` +
    `${target.droppedUnits} dropped, ${target.reconnects} reconnects`;
  const end =
    target.state === 'live' ? '' : `; ${target.state} at the end: ${target.lastError ?? 'never connected'}`;
  return `${target.address}: ${figures}${end}`;
}

function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
