import { expect, it } from 'vitest';
import { HeldPlaces } from '../../src/glitch/signal/held-places.js';

it('hands over each place once, when the sound reaches far enough past it', () => {
  const places = new HeldPlaces<{ position: number }>();
  const judged: number[] = [];
  const judge = (end: number): number => places.judge(end, 10, ({ position }) => judged.push(position));
  places.add({ position: 5 });
  judge(14);
  expect(judged).toEqual([]);
  places.add({ position: 12 });
  judge(15);
  expect(judged).toEqual([5]);
  judge(Infinity);
  expect(judged).toEqual([5, 12]);
});

it('knows those around a place, before it and after it, until none that waits is near', () => {
  const places = new HeldPlaces<{ position: number }>();
  const around = (position: number): number[] =>
    places.around({ position }, 10).map((place) => place.position);
  for (const position of [0, 4, 13, 14]) places.add({ position });
  expect(around(4)).toEqual([0, 13]);
  expect(places.judge(20, 10, () => undefined)).toBe(3);
  expect(around(4)).toEqual([13]);
  expect(places.judge(100, 10, () => undefined)).toBe(90);
  expect(around(13)).toEqual([]);
});
