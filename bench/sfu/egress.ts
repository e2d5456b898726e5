/**
 * CPU seconds per 100,000 packets that the SFU forwards, against the floor (floor-process.ts), and against Debian's
 * Janus where it is installed. Alternating runs; the medians and their ratio are printed.
 *
 * Repeat: `npx tsx bench/sfu/egress.ts [--viewers 20,60] [--rounds 3] [--seconds 6] [--host 127.0.0.1] [--no-janus]`
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packetizeH264 } from '../../src/rtp/h264/packetizer.js';
import { RtcClient } from '../../src/webrtc/rtc-client.js';
import { h264Clip, silentOpus } from '../../test/sfu/clip.js';
import { JanusRoom } from './janus.js';
import type { Usage } from './usage.js';

const { values } = parseArgs({
  options: {
    viewers: { type: 'string', default: '20,60' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    host: { type: 'string', default: '127.0.0.1' },
    'no-janus': { type: 'boolean', default: false },
  },
});

/** One second of a 720p picture at 2.5 Mb/s, as payloads per picture. */
const pictures = h264Clip({ width: 1280, height: 720, pictures: 30, gop: 30, bitrate: '2500k' }).map((unit) =>
  packetizeH264(unit),
);
const sizes = pictures.map((payloads) => payloads.map((payload) => payload.length));

/** Sends the clip in a loop at its own pace until stopped. */
function broadcast(client: RtcClient): () => void {
  const { audio, video } = client.media;
  const at = { picture: 0, sound: 0, sequence: 0 };
  const beginMs = performance.now();
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - beginMs;
    for (; at.picture <= elapsedMs / (1000 / 30); at.picture++) {
      const payloads = pictures[at.picture % pictures.length]!;
      payloads.forEach((payload, i) =>
        client.sendRtp({
          kind: 'video',
          payloadType: video!.payloadType,
          marker: i === payloads.length - 1,
          sequenceNumber: at.sequence++ & 0xffff,
          timestamp: (at.picture * 3_000) % 2 ** 32,
          ssrc: video!.ssrc!,
          payload,
        }),
      );
    }
    for (; at.sound <= elapsedMs / 20; at.sound++) {
      client.sendRtp({
        kind: 'audio',
        payloadType: audio!.payloadType,
        marker: false,
        sequenceNumber: at.sound & 0xffff,
        timestamp: (at.sound * 960) % 2 ** 32,
        ssrc: audio!.ssrc!,
        payload: silentOpus,
      });
    }
  }, 5);
  return () => clearInterval(timer);
}

function start(file: string, args: readonly string[] = [], execArgv: readonly string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, args, { execArgv: ['--import', import.meta.resolve('tsx'), ...execArgv] });
}

async function ask<T>(child: ChildProcess, message: object): Promise<T> {
  const answer = once(child, 'message') as Promise<[T]>;
  child.send(message);
  return (await answer)[0];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function measureSfu(viewers: number, seconds: number): Promise<Usage> {
  const profile = process.env.CPU_PROF_DIR;
  const child = start(
    './sfu-process.ts',
    [values.host],
    profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [],
  );
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const publisher = await RtcClient.publish({ url: `http://127.0.0.1:${port}/whip` });
  const players: RtcClient[] = [];
  let stop = (): void => undefined;
  try {
    for (let i = 0; i < viewers; i++) {
      players.push(await RtcClient.play({ url: `http://127.0.0.1:${port}/whep`, timeoutMs: 60_000 }));
    }
    stop = broadcast(publisher);
    await pause(2_000);
    const before = await ask<Usage>(child, {});
    await pause(seconds * 1000);
    const after = await ask<Usage>(child, {});
    return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, packets: after.packets - before.packets };
  } finally {
    stop();
    await Promise.all([publisher, ...players].map((client) => client.close()));
    child.disconnect();
    await once(child, 'exit');
  }
}

async function measureFloor(viewers: number, packets: number): Promise<Usage> {
  const sinks: Socket[] = [];
  for (let i = 0; i < viewers; i++) {
    const sink = createSocket('udp4').on('message', () => undefined);
    await new Promise<void>((resolve) => sink.bind(0, values.host, resolve));
    sinks.push(sink);
  }
  const child = start('./floor-process.ts');
  try {
    const ports = sinks.map((sink) => sink.address().port);
    return await ask<Usage>(child, { host: values.host, ports, pictures: sizes, packets });
  } finally {
    child.disconnect();
    for (const sink of sinks) sink.close();
  }
}

const perHundredThousand = ({ cpuSeconds, packets }: Usage): number => (cpuSeconds / packets) * 100_000;
const median = (list: number[]): number => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

for (const viewers of values.viewers.split(',').map(Number)) {
  const results: Record<'sfu' | 'floor' | 'janus', number[]> = { sfu: [], floor: [], janus: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    const sfu = await measureSfu(viewers, Number(values.seconds));
    results.sfu.push(perHundredThousand(sfu));
    results.floor.push(perHundredThousand(await measureFloor(viewers, sfu.packets)));
    if (!values['no-janus'] && JanusRoom.isInstalled) {
      const janus = await JanusRoom.measure({ viewers, seconds: Number(values.seconds), broadcast });
      results.janus.push(perHundredThousand(janus));
    }
    const line = Object.entries(results).map(([name, list]) => `${name} ${list.at(-1)?.toFixed(2) ?? '-'}`);
    process.stderr.write(
      `${viewers} viewers, round ${round + 1}: ${line.join(', ')} CPU s / 100,000 packets\n`,
    );
  }
  const [sfu, floor, janus] = [median(results.sfu), median(results.floor), median(results.janus)];
  const versusJanus = janus ? `, janus ${janus.toFixed(2)}, ratio ${(sfu / janus).toFixed(2)}` : '';
  process.stdout.write(
    `${viewers} viewers: sfu ${sfu.toFixed(2)}, floor ${floor.toFixed(2)}, ratio ${(sfu / floor).toFixed(2)}${versusJanus}\n`,
  );
}
