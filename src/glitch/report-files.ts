import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InvalidOptionError } from '../base/errors.js';
import { checkOutputPath, writeWholeFile } from '../base/whole-file.js';
import type { GlitchReport } from './analyse.js';
import { reportPage } from './view/html/page.js';
import type { CaptureView } from './view/surroundings.js';

export interface ReportPlace {
  /** That named the path. */
  readonly option: string;
  /** The capture and what it is compared with: no report takes their place. */
  readonly inputs: readonly string[];
}

/**
 * Checks before hours of work that a report can be written there.
 *
 * @throws InvalidOptionError when it cannot, or when it would take the place of an input
 */
export async function ensureWritable(path: string, { option, inputs }: ReportPlace): Promise<void> {
  await checkOutputPath(path, { overwrite: true, inputs });
  const folder = dirname(resolve(path));
  await access(folder, constants.W_OK).catch((cause: unknown) => {
    throw new InvalidOptionError(`${option}: the folder ${folder} cannot be written to`, { cause });
  });
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile()) {
    throw new InvalidOptionError(`${option}: ${path} is there and is not a file`);
  }
}

/** One file that stands for itself: {@link reportPage}. */
export async function writeHtmlReport(path: string, report: GlitchReport, view: CaptureView): Promise<void> {
  const page = reportPage(report, view);
  await writeWholeFile(path, (partial) => writeFile(partial, page));
}

export async function writeJsonReport(path: string, report: GlitchReport): Promise<void> {
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  await writeWholeFile(path, (partial) => writeFile(partial, text));
}
