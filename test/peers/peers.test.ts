import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startFfmpegPublisher } from './ffmpeg-publisher.js';
import { freeTcpPort, freeUdpPort } from './free-port.js';
import { decodeErrors, probe } from './judge.js';
import { NginxRtmp } from './nginx-rtmp.js';
import { Program } from './program.js';
import { TempDir } from './temp-dir.js';
import { waitFor } from './wait-for.js';

describe('nginx as the CDN', () => {
  it('records a publish with B-frames and counts one connection', async () => {
    await using nginx = await NginxRtmp.open();
    await using publisher = startFfmpegPublisher({ url: nginx.url('show'), durationSeconds: 3 });
    await nginx.published('show');
    expect((await publisher.result()).code).toBe(0);
    const recording = await nginx.recordingOf('show');
    const facts = await probe(recording);
    expect(facts.video).toMatchObject({ codec: 'h264', width: 1280, height: 720 });
    expect(facts.video?.reorderFrames).toBeGreaterThan(0);
    expect(facts.videoPackets.length).toBeGreaterThan(60);
    expect(facts.audio?.codec).toBe('aac');
    expect(await decodeErrors(recording)).toEqual([]);
    expect(nginx.connections).toHaveLength(1);
  });

  it('refuses the stream keys it is told to', async () => {
    await using nginx = await NginxRtmp.open({ refuse: ['stranger'] });
    await using publisher = startFfmpegPublisher({ url: nginx.url('stranger'), durationSeconds: 5 });
    expect((await publisher.result()).code).not.toBe(0);
    expect(nginx.publishes).toEqual([]);
  });

  it('dies, and comes back on the same port as a new connection', async () => {
    await using nginx = await NginxRtmp.open();
    await using first = startFfmpegPublisher({ url: nginx.url('show') });
    await nginx.published('show');
    await nginx.kill();
    expect((await first.result()).code).not.toBe(0);
    await nginx.start();
    await using second = startFfmpegPublisher({ url: nginx.url('show') });
    await nginx.published('show');
    expect(nginx.connections).toHaveLength(2);
    expect(second.isRunning).toBe(true);
  });

  it('stalls without closing', async () => {
    await using nginx = await NginxRtmp.open();
    nginx.stall();
    const socket = connect(nginx.port, '127.0.0.1');
    // The kernel accepts for it, but nobody answers the handshake.
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    let answered = 0;
    socket.on('data', (chunk: Buffer) => (answered += chunk.length));
    socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]));
    await waitFor(
      'the handshake to be sent',
      () => socket.writableLength === 0 && socket.bytesWritten === 1537,
    );
    expect(answered).toBe(0);
    nginx.resume();
    await waitFor('the handshake to be answered', () => answered >= 1 + 1536 + 1536);
    socket.destroy();
  });
});

describe('the tools of the tests', () => {
  it('end a program that ignores being asked', async () => {
    const program = Program.start('sh', [
      '-c',
      'trap "" TERM; echo ready; while :; do read x < /dev/zero; done',
    ]);
    await waitFor('the program to be ready', () => program.stdout.length > 0);
    const { pid } = program;
    await program.close(200);
    expect(program.isRunning).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('tell why a program failed', async () => {
    await expect(Program.run('ffprobe', ['-v', 'error', '/nowhere.flv'])).rejects.toThrow('No such file');
    await expect(Program.run('no-such-program', [])).rejects.toThrow('ENOENT');
  });

  it('feed a program that does not read to its end', async () => {
    const result = await Program.run('head', ['-c', '4'], { input: Buffer.alloc(1_000_000, 'a') });
    expect(result.stdout.toString()).toBe('aaaa');
  });

  it('leave no folder behind', async () => {
    const folder = await TempDir.open();
    execFileSync('touch', [folder.file('left.txt')]);
    await folder.close();
    expect(existsSync(folder.path)).toBe(false);
  });

  it('say what was waited for and what was seen instead', async () => {
    let looks = 0;
    await expect(
      waitFor('the moon', () => ++looks > 1_000, { timeoutMs: 60, intervalMs: 5, state: () => 'clouds' }),
    ).rejects.toThrow('waited 60 ms for the moon; saw "clouds"');
    expect(await waitFor('now', () => 'here')).toBe('here');
  });

  it('find ports that are free', async () => {
    const [tcp, udp] = [await freeTcpPort(), await freeUdpPort()];
    expect(tcp).toBeGreaterThan(0);
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(udp, '127.0.0.1', resolve));
    expect(socket.address().port).toBe(udp);
    socket.close();
  });
});
