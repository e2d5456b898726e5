/** Where a capture leaves one line through its reference and where it has reached another. */
export interface SwitchPoint {
  /** First sample that is not on the old line any more. */
  readonly leaves: number;
  /** First sample on the new line; the same where one follows the other at once. */
  readonly arrives: number;
}

/** Less between the two than this is noise of the codec. */
const LEAST_BETWEEN = 64;

/**
 * Splits a stretch into what fits the old line, what fits neither, and what fits the new one, so that the error is least.
 *
 * @param old squared error per sample by the old line
 * @param fresh as many by the new one
 * @param neither what a sample costs that is on none
 */
export function switchPoint(old: Float32Array, fresh: Float32Array, neither: number): SwitchPoint {
  const { length } = old;
  // Least cost so far in each of the three states, and where the state began.
  let onOld = 0;
  let between = { cost: 0, leaves: 0 };
  let onNew = { cost: 0, leaves: 0, arrives: 0 };
  let direct = { cost: 0, at: 0 };
  for (let i = 0; i < length; i++) {
    if (onOld < between.cost) between = { cost: onOld, leaves: i };
    if (between.cost < onNew.cost) onNew = { cost: between.cost, leaves: between.leaves, arrives: i };
    if (onOld < direct.cost) direct = { cost: onOld, at: i };
    onOld += old[i]!;
    between.cost += neither;
    onNew.cost += fresh[i]!;
    direct.cost += fresh[i]!;
  }
  return onNew.arrives - onNew.leaves < LEAST_BETWEEN
    ? { leaves: direct.at, arrives: direct.at }
    : { leaves: onNew.leaves, arrives: onNew.arrives };
}
