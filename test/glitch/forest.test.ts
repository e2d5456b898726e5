import { expect, it } from 'vitest';
import { Forest } from '../../src/glitch/signal/forest.js';

it('adds up the leaves that the features lead to', () => {
  const forest = new Forest({
    features: ['size', 'length'],
    bias: -1,
    trees: [
      [0, 0.5, -2, [1, 10, 1, 3]],
      [1, 20, 0.25, 0.5],
    ],
  });
  expect(forest.logOdds({ size: 0.5, length: 5 })).toBe(-1 - 2 + 0.25);
  expect(forest.logOdds({ size: 0.6, length: 10 })).toBe(-1 + 1 + 0.25);
  expect(forest.logOdds({ length: 21, size: 0.6 })).toBe(-1 + 3 + 0.5);
});
