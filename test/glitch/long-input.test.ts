import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import type { CaptureEvent } from '../../src/glitch/capture/event.js';
import { openCapture } from '../../src/glitch/capture/open.js';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';

const CLIP_SECONDS = 10;
const MINUTES = 8;
const AUDIO_RATE = 8000;
const FPS = 5;
const UNITS = Math.floor(MINUTES * 60 * (FPS + AUDIO_RATE / 1024));
/** By then most of what is kept for a while is there. */
const WARM_UNITS = Math.floor(UNITS / 2);
/** What a unit may leave behind, in bytes. Some 80 while windows still fill; a unit kept would be 500 and more. */
const LEFT_BYTES = 200;

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.open('glitch-long');
});
afterAll(() => folder.close());

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is still referred to. Buffers are let go of one turn after what refers to them. */
async function heldBytes(): Promise<number> {
  collectGarbage();
  await new Promise(setImmediate);
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a long input', () => {
  it('is analysed in memory that does not grow with it, its findings included', async () => {
    const [clip, long] = [folder.file('clip.flv'), folder.file('long.flv')];
    await Program.run('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc=s=64x36:r=${FPS}:d=${CLIP_SECONDS}`],
      ...['-f', 'lavfi', '-i', `sine=d=${CLIP_SECONDS}:r=${AUDIO_RATE}:f=400`],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', clip],
    ]);
    const loop = ['-stream_loop', '-1', '-i', clip, '-t', String(MINUTES * 60), '-c', 'copy'];
    await Program.run('ffmpeg', ['-v', 'error', ...loop, long]);
    const capture = await openCapture(long);
    const held: number[] = [];
    let findings = 0;
    async function* events(): AsyncGenerator<CaptureEvent> {
      let units = 0;
      for await (const event of capture.events()) {
        yield event;
        if (++units === WARM_UNITS || units === UNITS) held.push(await heldBytes());
      }
    }
    try {
      const onFinding = (): void => void findings++;
      await analyseCapture({ ...capture, events }, { pictures: true, onFinding });
    } finally {
      await capture.close();
    }
    // The clip's joins are found, again and again.
    expect(findings).toBeGreaterThan(MINUTES);
    const [warm = 0, end = Infinity] = held;
    expect((end - warm) / (UNITS - WARM_UNITS)).toBeLessThan(LEFT_BYTES);
  });
});
