import { LOOK_HEIGHT, LOOK_WIDTH } from './picture-look.js';

/** Pixels of a look along each side of a cell. */
const CELL_SIDE = 4;
const COLUMNS = LOOK_WIDTH / CELL_SIDE;
const CELLS = COLUMNS * (LOOK_HEIGHT / CELL_SIDE);
/**
 * An encoder that refines a picture which stays changes the mean of a cell by less than this much of luma each time: it
 * adds detail, and detail has a mean of 0. What moves changes the means of the cells that it leaves and enters.
 */
const REFINED = 0.4;

/** Refining is spread over the picture: no cell differs by more than so many times what all do on average. */
const EVEN = 3.2;

/** The mean luma of each cell of a look, row by row. */
export function cellsOf(luma: Uint8Array): Float32Array {
  const cells = new Float32Array(CELLS);
  for (let y = 0, i = 0; y < LOOK_HEIGHT; y++) {
    const row = Math.floor(y / CELL_SIDE) * COLUMNS;
    for (let x = 0; x < LOOK_WIDTH; x++, i++) cells[row + Math.floor(x / CELL_SIDE)]! += luma[i]!;
  }
  for (let i = 0; i < CELLS; i++) cells[i]! /= CELL_SIDE ** 2;
  return cells;
}

/** How much moved between two pictures: by what their cells differ beyond what refining does, on average. */
export function movement(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < CELLS; i++) sum += Math.max(0, Math.abs(one[i]! - other[i]!) - REFINED);
  return sum / CELLS;
}

/** Whether pictures differ everywhere alike, as a refined one does from what it was, and not where something moves. */
export function isEven(one: Float32Array, other: Float32Array): boolean {
  let [sum, largest] = [0, 0];
  for (let i = 0; i < CELLS; i++) {
    const difference = Math.abs(one[i]! - other[i]!);
    sum += difference;
    largest = Math.max(largest, difference);
  }
  return sum > 0 && largest < (EVEN * sum) / CELLS;
}
