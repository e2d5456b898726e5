import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asAnchorNetError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { finaliseRecording } from '../record/recording-file.js';

/** Makes plain MP4s of the recordings that a crash left fragmented. What cannot be finished stays as it is, and is said. */
export async function finishRecordings(folder: string, logger: Logger): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.mp4')) continue;
    try {
      if (await finaliseRecording(join(folder, file)))
        logger.info({ file }, 'finished a recording that was cut off');
    } catch (thrown) {
      logger.warn({ file, err: asAnchorNetError(thrown) }, 'recording left as it is');
    }
  }
}
