import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InvalidOptionError } from '../base/errors.js';
import { checkOutputPath, writeWholeFile } from '../base/whole-file.js';
import type { GlitchReport } from './analyse.js';
import { reportPage } from './view/html/page.js';
import type { CaptureView } from './view/surroundings.js';

/** Where reports go; undefined: nowhere. */
export interface ReportPlaces {
  readonly html: string | undefined;
  readonly json: string | undefined;
}

/**
 * Checks before hours of work that the reports can be written.
 *
 * @param inputs the capture and what it is compared with: no report takes their place
 * @throws InvalidOptionError when one cannot, or when it would take the place of an input or of the other report
 */
export async function ensureWritable({ html, json }: ReportPlaces, inputs: readonly string[]): Promise<void> {
  if (html !== undefined && json !== undefined && resolve(html) === resolve(json)) {
    throw new InvalidOptionError(`--html and --json: both name ${html}`, {
      hint: 'Give each report a file of its own.',
    });
  }
  if (html !== undefined) await ensurePlace(html, '--html', inputs);
  if (json !== undefined) await ensurePlace(json, '--json-file', inputs);
}

async function ensurePlace(path: string, option: string, inputs: readonly string[]): Promise<void> {
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
