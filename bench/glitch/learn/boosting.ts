import type { ForestData, Tree } from '../../../src/glitch/signal/forest.js';
import { Random } from '../random.js';

export interface Example {
  /** In the order of the features' names. */
  readonly values: readonly number[];
  readonly isSo: boolean;
}

export interface BoostingOptions {
  readonly trees: number;
  readonly leaves: number;
  /** Share of each tree's values that is taken. */
  readonly rate: number;
}

const BINS = 64;
/** Each tree is grown of this share of the examples and of the features, which makes trees that err differently. */
const SHARE = 0.5;
const SEED = 1;
/** Against leaves of few examples, as a sum of second derivatives. */
const RIDGE = 2;
const LEAST_IN_LEAF = 12;

/** A leaf that may be split, with the examples in it. */
interface Leaf {
  readonly rows: Uint32Array;
  readonly value: number;
  readonly split: Split | undefined;
  branches: readonly [Leaf, Leaf] | undefined;
}

interface Split {
  readonly feature: number;
  readonly bin: number;
  readonly gain: number;
}

/**
 * Gradient boosting of trees for the logistic loss, with features in {@link BINS} bins and the leaf that gains most split
 * first (Friedman, "Greedy function approximation: a gradient boosting machine", 2001, and "Stochastic gradient boosting",
 * 2002; Ke et al., "LightGBM", 2017). The same examples give the same trees.
 */
export function boost(
  features: readonly string[],
  examples: readonly Example[],
  options: BoostingOptions,
): ForestData {
  const edges = features.map((_, n) => edgesOf(examples.map(({ values }) => values[n]!)));
  const binned = features.map((_, n) =>
    Uint8Array.from(examples, ({ values }) => binOf(edges[n]!, values[n]!)),
  );
  const share = examples.filter(({ isSo }) => isSo).length / examples.length;
  const bias = Math.log(share / (1 - share));
  const scores = new Float64Array(examples.length).fill(bias);
  const gradients = new Float64Array(examples.length);
  const curvatures = new Float64Array(examples.length);
  const trees: Tree[] = [];
  const random = new Random(SEED);
  for (let n = 0; n < options.trees; n++) {
    for (const [i, { isSo }] of examples.entries()) {
      const likely = 1 / (1 + Math.exp(-scores[i]!));
      gradients[i] = (isSo ? 1 : 0) - likely;
      curvatures[i] = likely * (1 - likely);
    }
    const used = features.map(() => random.next() < SHARE);
    const grower = new Grower(
      binned.map((bins, feature) => (used[feature] === true ? bins : undefined)),
      gradients,
      curvatures,
    );
    const rows = Uint32Array.from(examples.keys()).filter(() => random.next() < SHARE);
    const tree = treeOf(grower.grow(rows, options.leaves), edges, options.rate);
    trees.push(tree);
    for (const [row, { values }] of examples.entries()) scores[row]! += leafOf(tree, values);
  }
  return { features, bias: rounded(bias), trees };
}

class Grower {
  constructor(
    /** Of each feature that is used, the bin of each example. */
    private readonly binned: readonly (Uint8Array | undefined)[],
    private readonly gradients: Float64Array,
    private readonly curvatures: Float64Array,
  ) {}

  grow(rows: Uint32Array, leaves: number): Leaf {
    const root = this.#leaf(rows);
    const open = [root];
    for (let count = 1; count < leaves; count++) {
      open.sort((a, b) => (a.split?.gain ?? 0) - (b.split?.gain ?? 0));
      const best = open.pop();
      if (best?.split === undefined) break;
      const { feature, bin } = best.split;
      const bins = this.binned[feature]!;
      const branches = [
        this.#leaf(best.rows.filter((row) => bins[row]! <= bin)),
        this.#leaf(best.rows.filter((row) => bins[row]! > bin)),
      ] as const;
      best.branches = branches;
      open.push(...branches);
    }
    return root;
  }

  #leaf(rows: Uint32Array): Leaf {
    let [gradient, curvature] = [0, 0];
    for (const row of rows) {
      gradient += this.gradients[row]!;
      curvature += this.curvatures[row]!;
    }
    const split = this.#split(rows, { gradient, curvature });
    return { rows, value: gradient / (curvature + RIDGE), split, branches: undefined };
  }

  #split(rows: Uint32Array, all: { gradient: number; curvature: number }): Split | undefined {
    let best: Split | undefined;
    const gradients = new Float64Array(BINS);
    const curvatures = new Float64Array(BINS);
    const counts = new Uint32Array(BINS);
    const worth = (gradient: number, curvature: number): number => gradient ** 2 / (curvature + RIDGE);
    for (const [feature, bins] of this.binned.entries()) {
      if (bins === undefined) continue;
      for (const array of [gradients, curvatures, counts]) array.fill(0);
      for (const row of rows) {
        const bin = bins[row]!;
        gradients[bin]! += this.gradients[row]!;
        curvatures[bin]! += this.curvatures[row]!;
        counts[bin]!++;
      }
      let [gradient, curvature, count] = [0, 0, 0];
      for (let bin = 0; bin + 1 < BINS; bin++) {
        gradient += gradients[bin]!;
        curvature += curvatures[bin]!;
        count += counts[bin]!;
        if (counts[bin] === 0 || count < LEAST_IN_LEAF || rows.length - count < LEAST_IN_LEAF) continue;
        const gain =
          worth(gradient, curvature) +
          worth(all.gradient - gradient, all.curvature - curvature) -
          worth(all.gradient, all.curvature);
        if (gain > (best?.gain ?? 1e-6)) best = { feature, bin, gain };
      }
    }
    return best;
  }
}

function leafOf(tree: Tree, values: readonly number[]): number {
  let node = tree;
  while (typeof node !== 'number') node = values[node[0]]! <= node[1] ? node[2] : node[3];
  return node;
}

function treeOf({ split, branches, value }: Leaf, edges: readonly Float64Array[], rate: number): Tree {
  if (split === undefined || branches === undefined) return rounded(rate * value);
  const [low, high] = branches;
  const { feature, bin } = split;
  return [feature, edges[feature]![bin]!, treeOf(low, edges, rate), treeOf(high, edges, rate)];
}

/** The largest value of each bin but the last one; quantiles, rounded to what is written down. */
function edgesOf(values: readonly number[]): Float64Array {
  const sorted = [...values].sort((a, b) => a - b);
  const edges = new Set<number>();
  for (let bin = 1; bin < BINS; bin++) edges.add(rounded(sorted[Math.floor((bin * sorted.length) / BINS)]!));
  return Float64Array.from(edges);
}

function binOf(edges: Float64Array, value: number): number {
  const found = edges.findIndex((edge) => value <= edge);
  return found < 0 ? edges.length : found;
}

export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
