import { access, chmod, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { NativeError } from '../base/errors.js';

/**
 * Where the ffmpeg program is: `FFMPEG_PATH`, else the one that came with the package.
 *
 * @throws NativeError when there is none that can be run
 */
export async function ffmpegPath(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const chosen = environment['FFMPEG_PATH'];
  if (chosen !== undefined && chosen !== '') {
    if (await isExecutable(chosen)) return chosen;
    throw new NativeError(`FFMPEG_PATH: ${chosen} cannot be run`, {
      hint: 'Point FFMPEG_PATH at an ffmpeg program, or unset it to use the bundled one.',
    });
  }
  const bundled = bundledPath();
  if (await isExecutable(bundled)) return bundled;
  try {
    // Its install step sets this, and is left out by `npm install --ignore-scripts`.
    await chmod(bundled, 0o755);
  } catch (cause) {
    throw new NativeError(`the bundled ffmpeg ${bundled} cannot be made executable`, {
      cause,
      hint: 'Set FFMPEG_PATH to an ffmpeg program of your own.',
    });
  }
  return bundled;
}

function bundledPath(): string {
  try {
    const installer = createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg') as { readonly path: string };
    return installer.path;
  } catch (cause) {
    throw new NativeError('no bundled ffmpeg for this platform', {
      cause,
      hint: 'Set FFMPEG_PATH to an ffmpeg program of your own.',
    });
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
