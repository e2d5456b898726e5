import { MASK_WINDOW } from './noise-to-mask.js';

/** Compared at once: the grid of AAC frames, as sound is decoded from the first of them on. */
export const FRAME = 1024;
/** What the window of the model reaches over a frame on either side. */
export const SKIRT = (MASK_WINDOW - FRAME) / 2;
