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

/** What the forests of a detector can be taught with; a detector that is watched takes a closer look everywhere. */
export interface Watch {
  /** Told of each place with what is measured at a glance, in samples of the sound. */
  readonly glance?: (position: number, features: Features) => void;
  /** Of those at which it took a closer look, with all that was measured, the glance included. */
  readonly look: (position: number, features: Features) => void;
}

/** Tells from measures how likely it is that a place is what the forest was taught. */
export class Forest {
  readonly #data: ForestData;
  readonly #values: Float64Array;
  /** Of each node: its feature, or -1 for a leaf; the most that goes low, or the leaf's value; the high branch. */
  readonly #feature: Int16Array;
  readonly #value: Float64Array;
  readonly #high: Uint16Array;
  readonly #roots: readonly number[];

  constructor(data: ForestData) {
    this.#data = data;
    this.#values = new Float64Array(data.features.length);
    const [feature, value, high]: [number[], number[], number[]] = [[], [], []];
    // The low branch of a node comes right after it.
    const add = (tree: Tree): number => {
      const at = feature.length;
      const isLeaf = typeof tree === 'number';
      feature.push(isLeaf ? -1 : tree[0]);
      value.push(isLeaf ? tree : tree[1]);
      high.push(0);
      if (isLeaf) return at;
      add(tree[2]);
      high[at] = add(tree[3]);
      return at;
    };
    this.#roots = data.trees.map(add);
    this.#feature = Int16Array.from(feature);
    this.#value = Float64Array.from(value);
    this.#high = Uint16Array.from(high);
  }

  /** @returns logarithm of the odds; 0 where it is as likely as not, in a set like those it was taught with */
  logOdds(features: Features): number {
    const { features: names, bias } = this.#data;
    const values = this.#values;
    for (let n = 0; n < names.length; n++) values[n] = features[names[n]!]!;
    let sum = bias;
    for (const root of this.#roots) sum += this.#leafOf(root);
    return sum;
  }

  #leafOf(root: number): number {
    const [feature, value, high, values] = [this.#feature, this.#value, this.#high, this.#values];
    let node = root;
    for (let at = feature[node]!; at >= 0; at = feature[node]!)
      node = values[at]! <= value[node]! ? node + 1 : high[node]!;
    return value[node]!;
  }
}
