import * as errors from '../../src/base/errors.js';

export interface ErrorLeaf {
  readonly code: string;
  readonly exitCode: number;
}

/** Every kind of error of the taxonomy, by making one of each. */
export function errorLeaves(): ErrorLeaf[] {
  return Object.values(errors)
    .filter((value) => typeof value === 'function' && value.prototype instanceof errors.AnchorNetError)
    .map((leaf) => {
      const { code, exitCode } = new (leaf as unknown as new (message: string) => errors.AnchorNetError)('');
      return { code, exitCode };
    });
}
