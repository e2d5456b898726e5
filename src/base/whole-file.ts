import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InvalidOptionError } from './errors.js';

export interface WholeFileOptions {
  readonly overwrite?: boolean | undefined;
  /** Files that are read meanwhile, and so cannot be the output. */
  readonly inputs: readonly string[];
}

/**
 * @throws InvalidOptionError when the output is one of the inputs, has no folder, or exists and may not be overwritten
 */
export async function checkOutputPath(path: string, options: WholeFileOptions): Promise<void> {
  const output = resolve(path);
  for (const input of options.inputs) {
    if (resolve(input) === output) throw new InvalidOptionError(`${input}: is both an input and the output`);
  }
  const folder = await stat(dirname(output)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw new InvalidOptionError(`${dirname(output)}: is not a folder`);
  if (options.overwrite !== true && (await stat(output).catch(() => undefined)) !== undefined) {
    throw new InvalidOptionError(`${path}: exists already`, {
      hint: 'Choose another name, or allow it to be overwritten.',
    });
  }
}

/**
 * A file that appears under its name only when it is complete: `write` gets another name beside it, and after an error
 * nothing is left.
 */
export async function writeWholeFile<T>(path: string, write: (partial: string) => Promise<T>): Promise<T> {
  const output = resolve(path);
  const partial = join(dirname(output), `.${basename(output)}.${process.pid}.part`);
  try {
    const result = await write(partial);
    await rename(partial, output);
    return result;
  } finally {
    await rm(partial, { force: true });
  }
}
