import { Random } from './random.js';

export const WIDTH = 256;
export const HEIGHT = 144;
export const PICTURE_RATE = 30;

/** The luma of one picture, {@link WIDTH} × {@link HEIGHT}, row by row, 16–235. */
export type Luma = Uint8Array;
/** Draws the n-th picture; the same one gives the same picture. */
export type Scene = (n: number) => Luma;

/** What is filmed: from all that moves to hardly anything. */
export type PictureMaterial = 'shapes' | 'slow pan' | 'talking head' | 'dark noise';
export const pictureMaterials: readonly PictureMaterial[] = [
  'shapes',
  'slow pan',
  'talking head',
  'dark noise',
];

const PIXELS = WIDTH * HEIGHT;
/** A power of two, so that what lies beyond the borders is found by masking. */
const TEXTURE_SIDE = 512;
const NOISE_SAMPLES = 2 ** 17;

export function makeScene(material: PictureMaterial, seed: number): Scene {
  const random = new Random(seed);
  if (material === 'shapes') return shapes(random);
  if (material === 'slow pan') return slowPan(random);
  if (material === 'talking head') return talkingHead(random);
  return darkNoise(random);
}

/** Rectangles that bounce at different speeds. */
function shapes(random: Random): Scene {
  const boxes = Array.from({ length: 8 }, () => ({
    side: random.integer(20, 60),
    luma: random.integer(30, 220),
    from: [random.between(0, WIDTH), random.between(0, HEIGHT)] as const,
    speed: [random.between(-4, 4), random.between(-3, 3)] as const,
  }));
  const texture = makeTexture(random, 80, 140);
  return (n) => {
    const luma = sample(texture, 0, 0);
    for (const { side, luma: value, from, speed } of boxes) {
      const left = Math.round(bounce(from[0] + n * speed[0], WIDTH - side));
      const top = Math.round(bounce(from[1] + n * speed[1], HEIGHT - side));
      for (let y = top; y < top + side; y++) luma.fill(value, y * WIDTH + left, y * WIDTH + left + side);
    }
    return luma;
  };
}

/** A landscape, 8 to 24 pixels a second, by parts of a pixel. */
function slowPan(random: Random): Scene {
  const texture = makeTexture(random, 40, 210);
  const speed = random.between(8, 24) / PICTURE_RATE;
  return (n) => sample(texture, n * speed, 0.3 * n * speed);
}

/** Before a still wall: a head that sways by a few pixels, a mouth that speaks, and the noise of a good camera. */
function talkingHead(random: Random): Scene {
  const wall = sample(makeTexture(random, 90, 130), 0, 0);
  const face = makeTexture(random, 130, 190);
  const noise = makeNoise(random, 1);
  const phase = random.between(0, 6);
  const [wide, high] = [WIDTH / 8, HEIGHT / 3];
  return (n) => {
    const seconds = n / PICTURE_RATE;
    const [dx, dy] = [4 * Math.sin(1.3 * seconds + phase), 2 * Math.sin(2.1 * seconds)];
    const open = 4 + 4 * Math.sin(14 * seconds) * Math.sin(2.3 * seconds);
    const luma = wall.slice();
    const skin = sample(face, -dx, -dy);
    for (let i = 0; i < PIXELS; i++) {
      const [x, y] = [(i % WIDTH) - WIDTH / 2 - dx, Math.floor(i / WIDTH) - HEIGHT / 2 - dy];
      if ((x / wide) ** 2 + (y / high) ** 2 > 1) continue;
      luma[i] = (x / 12) ** 2 + ((y - high / 2) / open) ** 2 < 1 ? 40 : skin[i]!;
    }
    return noise(luma, n);
  };
}

/** Night: a spot of light wanders over little else than the noise of the camera. */
function darkNoise(random: Random): Scene {
  const ground = sample(makeTexture(random, 18, 40), 0, 0);
  const noise = makeNoise(random, 3);
  const from = random.between(0, WIDTH);
  return (n) => {
    const luma = ground.slice();
    const [x0, y0] = [bounce(from + 1.5 * n, WIDTH), HEIGHT / 2 + 30 * Math.sin(n / 40)];
    for (let i = 0; i < PIXELS; i++) {
      const distance = ((i % WIDTH) - x0) ** 2 + (Math.floor(i / WIDTH) - y0) ** 2;
      if (distance < 2500) luma[i]! += 60 * Math.exp(-distance / 500);
    }
    return noise(luma, n);
  };
}

/** Smooth spots of three sizes, and an edge here and there; it goes on at its borders. */
export function makeTexture(random: Random, low: number, high: number): Float32Array {
  const texture = new Float32Array(TEXTURE_SIDE ** 2);
  for (const [cell, weight] of [
    [64, 0.5],
    [16, 0.3],
    [4, 0.2],
  ] as const) {
    const side = TEXTURE_SIDE / cell;
    const grid = Float32Array.from({ length: side ** 2 }, () => weight * random.next());
    for (let y = 0; y < TEXTURE_SIDE; y++) {
      for (let x = 0; x < TEXTURE_SIDE; x++)
        texture[y * TEXTURE_SIDE + x]! += between(grid, side, x / cell, y / cell);
    }
  }
  return texture.map((value) => low + (high - low) * value);
}

/** A picture of a texture, from (x, y) on. */
export function sample(texture: Float32Array, x: number, y: number): Luma {
  const luma = new Uint8Array(PIXELS);
  for (let row = 0, i = 0; row < HEIGHT; row++) {
    for (let column = 0; column < WIDTH; column++, i++)
      luma[i] = Math.round(between(texture, TEXTURE_SIDE, x + column, y + row));
  }
  return luma;
}

/** Bilinear, and round the borders; `side` is a power of two. */
function between(grid: Float32Array, side: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const mask = side - 1;
  const [above, below] = [(top & mask) * side, ((top + 1) & mask) * side];
  const [one, next] = [left & mask, (left + 1) & mask];
  const upper = grid[above + one]! * (1 - right) + grid[above + next]! * right;
  const lower = grid[below + one]! * (1 - right) + grid[below + next]! * right;
  return upper * (1 - down) + lower * down;
}

/** The noise of a camera, with a standard deviation of `deviation`; another one on each picture. */
export function makeNoise(random: Random, deviation: number): (luma: Luma, n: number) => Luma {
  const pool = Float32Array.from({ length: NOISE_SAMPLES }, () => deviation * random.normal());
  const phase = random.integer(0, NOISE_SAMPLES);
  return (luma, n) => {
    const from = new Random(phase + n).integer(0, NOISE_SAMPLES);
    return luma.map((value, i) => Math.max(16, Math.round(value + pool[(from + i) % NOISE_SAMPLES]!)));
  };
}

function bounce(value: number, length: number): number {
  const turn = ((value % (2 * length)) + 2 * length) % (2 * length);
  return turn < length ? turn : 2 * length - turn;
}
