import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DestinationError, InvalidOptionError } from '../../src/base/errors.js';
import { RtmpServer } from '../../src/rtmp/rtmp-server.js';
import { startFfmpegPublisher } from '../peers/ffmpeg-publisher.js';
import { NginxRtmp } from '../peers/nginx-rtmp.js';
import type { Program } from '../peers/program.js';
import { watchAddress } from './watch-address.js';

const show = new URL('../../samples/show.flv', import.meta.url).pathname;
/** So much of a stream has come when something is done to it. */
const EVENTS_BEFORE = 60;

let nginx: NginxRtmp;
let publisher: Program | undefined;

beforeAll(async () => {
  nginx = await NginxRtmp.open();
});
afterAll(() => nginx.close());
afterEach(async () => {
  nginx.resume();
  await publisher?.close();
  await nginx.start();
});

async function publish(name: string, durationSeconds?: number): Promise<string> {
  const url = nginx.url(name);
  publisher = startFfmpegPublisher({
    url,
    file: show,
    copy: true,
    ...(durationSeconds !== undefined && { durationSeconds }),
  });
  await nginx.published(name);
  return url;
}

describe('an RTMP address', () => {
  it('is played from a real server until the publisher leaves', async () => {
    const { summary, damage, findings } = await watchAddress(await publish('ends', 3));
    expect(summary).toMatchObject({ audio: { codec: 'aac' } });
    expect(summary.audio?.units).toBeGreaterThan(EVENTS_BEFORE);
    expect(summary.video?.units).toBeGreaterThan(EVENTS_BEFORE / 2);
    expect(damage).toEqual([]);
    expect(findings.filter(({ byteOffset }) => byteOffset !== undefined)).toEqual([]);
  });

  it('is left when the time is over', async () => {
    const { summary, damage } = await watchAddress(await publish('long'), { durationMs: 1500 });
    expect(summary.audio?.units).toBeGreaterThan(0);
    expect(damage).toEqual([]);
  });

  it('that stalls has what came analysed, and the stall told', async () => {
    const address = await publish('stalls');
    const { summary, damage } = await watchAddress(
      address,
      { silenceMs: 1000 },
      { after: EVENTS_BEFORE, act: () => nginx.stall() },
    );
    expect(summary.audio?.units).toBeGreaterThan(0);
    expect(damage).toMatchObject([{ measured: { problem: 'the address stopped sending' } }]);
  });

  it('whose server dies has that told', async () => {
    const address = await publish('dies');
    const { damage } = await watchAddress(address, {}, { after: EVENTS_BEFORE, act: () => nginx.kill() });
    expect(damage).toMatchObject([{ measured: { problem: 'the address stopped sending' } }]);
  });

  it('that never starts, refuses or is not there is the destination’s failure, told without the name', async () => {
    const silent = watchAddress(nginx.url('nobody-is-here'), { silenceMs: 1500 });
    await expect(silent).rejects.toThrow(DestinationError);
    await expect(silent).rejects.toThrow(/\/live: the stream never started$/);
    const takesOnly = await RtmpServer.open({ host: '127.0.0.1', port: 0, authorize: () => true });
    try {
      const refused = watchAddress(`rtmp://127.0.0.1:${takesOnly.port}/live/name`);
      await expect(refused).rejects.toThrow(/refused to play/);
    } finally {
      await takesOnly.close();
    }
    await expect(watchAddress('rtmp://127.0.0.1:1/live/name')).rejects.toThrow(/connection refused/);
    await expect(watchAddress('rtmp://127.0.0.1')).rejects.toThrow(InvalidOptionError);
  });
});
