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
    'playable whatever happens to this process. Runs until Ctrl-C.\n\nListens on this machine alone unless --host ' +
    'says otherwise; then publishers must know a token, which is made and printed when none is given. Web pages need ' +
    'one (--token) on this machine too. By WHIP it is the bearer token, by RTMP part of the stream key: ' +
    'NAME?token=TOKEN.';

  static override examples = [
    {
      description: 'Take both kinds of publishers on loopback',
      command: '<%= config.bin %> <%= command.id %> --out recordings --whip-port 8080 --rtmp-port 1935',
    },
    {
      description: 'Then publish to it from another terminal',
      command: 'ffmpeg -re -i samples/host.mp4 -c copy -f flv rtmp://127.0.0.1:1935/live/host',
    },
    {
      description: 'Take publishers from the network: they must know the token',
      command:
        '<%= config.bin %> <%= command.id %> --out recordings --rtmp-port 1935 --host 0.0.0.0 --token a-long-secret-of-yours',
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
    token: Flags.string({
      env: 'ANCHORNET_INGEST_TOKEN',
      description: 'what publishers must present; at least 16 characters',
    }),
  };

  async run(): Promise<IngestReport> {
    const { flags } = await this.parse(IngestCommand);
    const signal = this.interruptSignal();
    const { Ingest } = await import('../src/serve/ingest.js');
    const { isLoopbackAddress } = await import('../src/serve/auth/loopback.js');
    const { newKey } = await import('../src/serve/auth/secret.js');
    const { localName } = await import('../src/serve/addresses.js');
    const token = flags.token ?? (isLoopbackAddress(flags.host) ? undefined : newKey());
    const ingest = await Ingest.open({
      folder: flags.out,
      host: flags.host,
      whipPort: flags['whip-port'],
      udpPort: flags['udp-port'],
      rtmpPort: flags['rtmp-port'],
      token,
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
    const host = localName(flags.host);
    if (ingest.whipPort !== undefined)
      this.logToStderr(`WHIP at http://${host}:${ingest.whipPort}/whip/NAME`);
    if (ingest.rtmpPort !== undefined) {
      const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
      this.logToStderr(`RTMP at rtmp://${host}:${ingest.rtmpPort}/live/NAME${query}`);
    }
    // Printed once; the token is nowhere in the log.
    if (token !== undefined) this.logToStderr(`${chalk.dim('Token')} ${token} (by WHIP the bearer token)`);
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
