import type { Hook } from '@oclif/core';
import { InvalidOptionError } from '../../src/base/errors.js';

/** A mistyped command: says which one may have been meant, and ends as every wrong argument does. */
const commandNotFound: Hook.CommandNotFound = function ({ id, config }) {
  const meant = nearest(id, config.commandIDs);
  const { bin } = config;
  const question = meant === undefined ? '' : ` Did you mean ${bin} ${meant}?`;
  const message = `${id} is not a command of ${bin}.${question} All commands: ${bin} --help`;
  this.error(message, { exit: new InvalidOptionError(message).exitCode });
  return Promise.resolve();
};

export default commandNotFound;

/** The command that `typed` begins, or else the one with the fewest typing errors between them, if they are few. */
function nearest(typed: string, commands: readonly string[]): string | undefined {
  const begun = commands.find((command) => command.startsWith(typed));
  const [best] = commands
    .map((command) => ({ command, errors: typingErrors(typed, command) }))
    .sort((a, b) => a.errors - b.errors);
  const isNear = best !== undefined && best.errors <= Math.max(1, Math.floor(best.command.length / 3));
  return begun ?? (isNear ? best.command : undefined);
}

/** Levenshtein distance: letters to add, leave out or replace. */
function typingErrors(typed: string, meant: string): number {
  let row = Array.from({ length: meant.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...typed].entries()) {
    const next = [line + 1];
    for (const [column, expected] of [...meant].entries()) {
      const [above = 0, aboveNext = 0, before = 0] = [row[column], row[column + 1], next[column]];
      next.push(Math.min(above + (letter === expected ? 0 : 1), aboveNext + 1, before + 1));
    }
    row = next;
  }
  return row[meant.length] ?? 0;
}
