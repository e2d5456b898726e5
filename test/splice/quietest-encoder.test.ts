import { expect, it } from 'vitest';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { bridgeEncoders } from '../../src/splice/bridge-encoder.js';
import { FRAME } from '../../src/splice/piece.js';
import { quietestEncoder } from '../../src/splice/quietest-encoder.js';

const format = { sampleRate: 48_000, channels: 1 } as const;
const PERIOD = 100;
const place = { from: 20, to: 22 };

/** Of a tone with overtones, which few bits are not enough for. */
function sound(frame: number): Promise<readonly Float32Array[]> {
  const samples = Float32Array.from({ length: FRAME }, (_, i) => {
    const phase = (2 * Math.PI * (frame * FRAME + i)) / PERIOD;
    return [1, 2, 3, 5, 8, 13, 21].reduce((sum, n) => sum + 0.1 * Math.sin(n * phase), 0);
  });
  return Promise.resolve([samples]);
}

it('a bridge is made by the encoder whose loudest error there is the least', async () => {
  const poor = (): AacEncoder => AacEncoder.open({ ...format, bitrateBps: 32_000 });
  const good = bridgeEncoders(format)[0];
  const options = { sampleRate: format.sampleRate, sound };
  expect(await quietestEncoder([poor, good], place, options)).toBe(good);
  expect(await quietestEncoder([good, poor], place, options)).toBe(good);
  expect(await quietestEncoder([], place, options)).toBeUndefined();
});
