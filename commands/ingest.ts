import { Flags } from '@oclif/core';
import chalk from 'chalk';
import type { IngestedParticipant } from '../src/serve/ingest.js';
import { BaseCommand } from './cli/base-command.js';

interface IngestReport {
  readonly recordings: readonly {
    readonly name: string;
    readonly via: string;
    readonly path: string;
    readonly durationMs: number;
    readonly bytes: number;
    readonly error?: string;
  }[];
}

export default class IngestCommand extends BaseCommand {
  static override summary = 'Record every participant that publishes by WHIP or RTMP into an MP4 of its own';

  static override description =
    'Nothing is decoded or mixed: H.264 with Opus (WHIP) or AAC (RTMP) goes into the file as it came. A recording is ' +
    'playable whatever happens to this process. Runs until Ctrl-C.';

  static override examples = [
    {
      description: 'Take both kinds of publishers on loopback',
      command: '<%= config.bin %> <%= command.id %> --out recordings --whip-port 8080 --rtmp-port 1935',
    },
    {
      description: 'Then publish to it from another terminal',
      command: 'ffmpeg -re -i samples/host.mp4 -c copy -f flv rtmp://127.0.0.1:1935/live/host',
    },
  ];

  static override flags = {
    out: Flags.string({ required: true, description: 'folder of the recordings' }),
    host: Flags.string({ default: '127.0.0.1', description: 'address to listen on' }),
    'whip-port': Flags.integer({
      min: 0,
      max: 65_535,
      description: 'HTTP port of WHIP; publish to /whip/NAME',
    }),
    'udp-port': Flags.integer({ min: 0, max: 65_535, default: 0, description: 'UDP port of WebRTC media' }),
    'rtmp-port': Flags.integer({ min: 0, max: 65_535, description: 'port of RTMP; publish to /live/NAME' }),
  };

  async run(): Promise<IngestReport> {
    const { flags } = await this.parse(IngestCommand);
    const signal = this.interruptSignal();
    const { Ingest } = await import('../src/serve/ingest.js');
    const ingest = await Ingest.open({
      folder: flags.out,
      host: flags.host,
      whipPort: flags['whip-port'],
      udpPort: flags['udp-port'],
      rtmpPort: flags['rtmp-port'],
      logger: this.createLogger(flags['log-level']),
    });
    const finished: IngestedParticipant[] = [];
    ingest.on('started', ({ name, path }) =>
      this.logToStderr(`${chalk.green('recording')} ${name} → ${path}`),
    );
    ingest.on('finished', (participant) => {
      finished.push(participant);
      const seconds = (participant.recording.durationMs / 1_000).toFixed(1);
      this.logToStderr(`${chalk.dim('finished')} ${participant.name}: ${seconds} s`);
    });
    if (ingest.whipPort !== undefined)
      this.logToStderr(`WHIP at http://${flags.host}:${ingest.whipPort}/whip/NAME`);
    if (ingest.rtmpPort !== undefined)
      this.logToStderr(`RTMP at rtmp://${flags.host}:${ingest.rtmpPort}/live/NAME`);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await ingest.close();
    return { recordings: finished.map(describe) };
  }
}

function describe(participant: IngestedParticipant): IngestReport['recordings'][number] {
  const { name, via, recording, error } = participant;
  const { path, durationMs, bytes } = recording;
  return { name, via, path, durationMs, bytes, ...(error === undefined ? {} : { error: error.message }) };
}
