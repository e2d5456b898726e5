import { AnchorNetError } from '../base/errors.js';

/** A room, participant, target or session that is not there (or not for this caller's eyes). HTTP 404. */
export class NotFoundError extends AnchorNetError {
  readonly code = 'NOT_FOUND';
  readonly exitCode = 2;
}
