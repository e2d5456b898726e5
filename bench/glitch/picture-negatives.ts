import {
  HEIGHT,
  makeNoise,
  makeScene,
  makeTexture,
  PICTURE_RATE,
  sample,
  WIDTH,
  type Luma,
  type Scene,
} from './picture-materials.js';
import { Random } from './random.js';

/** Pictures that stand still or are dark because they are meant to. */
export type PictureNegative =
  | 'slides'
  | 'slides that fade'
  | 'inserted still'
  | 'slow fades'
  | 'fades to black'
  | 'dark scene'
  | '10 fps';
export const pictureNegatives: readonly PictureNegative[] = [
  'slides',
  'slides that fade',
  'inserted still',
  'slow fades',
  'fades to black',
  'dark scene',
  '10 fps',
];

const SLIDE_PICTURES = 70;
const FADE_PICTURES = 20;

export function makePictureNegative(negative: PictureNegative, seed: number): Scene {
  const random = new Random(seed);
  const still = (low: number, high: number): Luma => sample(makeTexture(random, low, high), 0, 0);
  const slides = Array.from({ length: 12 }, () => still(30, 220));
  const moving = makeScene('slow pan', seed);
  switch (negative) {
    case 'slides':
      // Of different lengths.
      return (n) => slides[Math.floor(n / SLIDE_PICTURES + 0.4 * Math.sin(n / 90)) % slides.length]!;
    case 'slides that fade':
      return (n) => {
        const at = Math.floor(n / SLIDE_PICTURES);
        const share = Math.max(0, (n % SLIDE_PICTURES) - (SLIDE_PICTURES - FADE_PICTURES)) / FADE_PICTURES;
        return blend(slides[at % slides.length]!, slides[(at + 1) % slides.length]!, share);
      };
    case 'inserted still':
      // A slide for two seconds between moving pictures.
      return (n) => (n % 150 >= 90 ? slides[Math.floor(n / 150)]! : moving(n));
    case 'slow fades':
      return (n) => {
        const at = Math.floor(n / 120);
        return blend(slides[at]!, slides[at + 1]!, (n % 120) / 120);
      };
    case 'fades to black': {
      const black = new Uint8Array(WIDTH * HEIGHT).fill(16);
      return (n) => blend(black, moving(n), Math.max(0, Math.min(1, 0.9 + 2 * Math.sin(n / 40))));
    }
    case 'dark scene': {
      const night = still(16, 30);
      const noise = makeNoise(random, 1.5);
      return (n) => {
        const luma = night.slice();
        const left = n % (WIDTH - 60);
        for (let y = 50; y < 100; y++) luma.fill(30, y * WIDTH + left, y * WIDTH + left + 40);
        return noise(luma, n);
      };
    }
    case '10 fps':
      return (n) => moving(n - (n % (PICTURE_RATE / 10)));
  }
}

function blend(one: Luma, other: Luma, share: number): Luma {
  return one.map((value, i) => Math.round(value + (other[i]! - value) * share));
}
