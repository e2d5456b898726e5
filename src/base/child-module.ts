import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Forks a module of this package as a child process. Built, it is plain JavaScript; run from source (development,
 * tests) the child gets the same TypeScript loader.
 *
 * @param url the module without extension-guessing, as `new URL('./child.js', import.meta.url)`
 */
export function forkModule(url: URL, args: readonly string[], options: ForkOptions): ChildProcess {
  const fromSource = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(fromSource ? url.href.replace(/\.js$/, '.ts') : url);
  const execArgv = [
    ...(options.execArgv ?? []),
    ...(fromSource ? ['--import', import.meta.resolve('tsx')] : []),
  ];
  return fork(path, args, { ...options, execArgv });
}
