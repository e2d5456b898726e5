import { extname } from 'node:path';
import { InvalidOptionError } from '../base/errors.js';
import type { OutputFormat } from './splice-job.js';

const formats: Readonly<Record<string, OutputFormat>> = {
  '.mp4': 'mp4',
  '.m4v': 'mp4',
  '.mov': 'mp4',
  '.m4a': 'm4a',
  '.flv': 'flv',
  '.aac': 'adts',
  '.adts': 'adts',
};

/** @throws InvalidOptionError when the ending is not known */
export function outputFormat(path: string): OutputFormat {
  const ending = extname(path).toLowerCase();
  const format = formats[ending];
  if (format === undefined) {
    throw new InvalidOptionError(
      `${path}: expected an output that ends in .mp4, .m4a, .flv or .aac, got ${JSON.stringify(ending)}`,
    );
  }
  return format;
}
