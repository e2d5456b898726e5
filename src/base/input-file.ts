import { open, type FileHandle } from 'node:fs/promises';
import { InvalidOptionError } from './errors.js';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENAMETOOLONG: 'the name is too long',
};

/**
 * Opens a file that the user has named, for reading at any place in it.
 *
 * @param options.mayBePipe it is read from beginning to end only
 * @throws InvalidOptionError naming the file and why it cannot be read
 */
export async function openInput(path: string, { mayBePipe = false } = {}): Promise<FileHandle> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    throw new InvalidOptionError(`${path}: cannot be opened: ${reasons[code] ?? message}`, { cause });
  });
  const stat = await file.stat();
  if (stat.isFile() || (mayBePipe && !stat.isDirectory())) return file;
  await file.close();
  const kind = stat.isDirectory() ? 'a folder' : 'a pipe or a device';
  throw new InvalidOptionError(`${path}: expected a file, got ${kind}`);
}
