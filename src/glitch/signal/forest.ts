/** A leaf's value; or a feature by its index, the largest value of it that goes to the first branch, and both branches. */
export type Tree = number | readonly [feature: number, most: number, low: Tree, high: Tree];

/** What gradient boosting has learned from labelled sets (`bench/glitch/learn`); the trees' values are added up. */
export interface ForestData {
  readonly features: readonly string[];
  readonly bias: number;
  readonly trees: readonly Tree[];
}

/** What was measured of a place, by name. */
export type Features = Readonly<Record<string, number>>;

/** Told of each place that a detector asks its forest about, in samples of the sound: what it can be taught with. */
export type WatchFeatures = (position: number, features: Features) => void;

/** Tells from measures how likely it is that a place is what the forest was taught. */
export class Forest {
  readonly #data: ForestData;
  readonly #values: Float64Array;

  constructor(data: ForestData) {
    this.#data = data;
    this.#values = new Float64Array(data.features.length);
  }

  /** @returns logarithm of the odds; 0 where it is as likely as not, in a set like those it was taught with */
  logOdds(features: Features): number {
    const { features: names, bias, trees } = this.#data;
    for (const [n, name] of names.entries()) this.#values[n] = features[name]!;
    return trees.reduce<number>((sum, tree) => sum + leafOf(tree, this.#values), bias);
  }
}

function leafOf(tree: Tree, values: Float64Array): number {
  let node = tree;
  while (typeof node !== 'number') node = values[node[0]]! <= node[1] ? node[2] : node[3];
  return node;
}
