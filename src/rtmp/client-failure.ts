import { asAnchorNetError, CancelledError, DestinationError, type AnchorNetError } from '../base/errors.js';
import { statusOf, type RtmpCommand } from './command.js';
import { withoutSecrets, type RtmpAddress } from './url.js';

/** The code of {@link closedCommand}. */
const CLOSED = 'closed';

/** Stands for an answer that will not come. */
export function closedCommand(cause: AnchorNetError): RtmpCommand {
  return {
    name: '_error',
    transactionId: 0,
    args: [{ level: 'error', code: CLOSED, description: cause.message }],
  };
}

/** What a server's `_error`, or an `onStatus` of level error, means to whoever wanted `what`. */
export function refusal(what: string, command: RtmpCommand): DestinationError {
  const { code, description } = statusOf(command);
  if (code === CLOSED) return new DestinationError(`${what}: ${description}`);
  const said = [code, description].filter((part) => part !== '').join(': ');
  return new DestinationError(`the server refused to ${what}: ${said || 'no reason told'}`, {
    ...(code === 'NetStream.Publish.BadName' && {
      hint: 'The stream key is wrong, or somebody publishes with it already.',
    }),
  });
}

/** Why a connection is over when it has not said so itself. */
export function closeCause(address: RtmpAddress, reason: AnchorNetError | undefined): AnchorNetError {
  return reason ?? new DestinationError(`${address.shown}: the server closed the connection`);
}

/** The error with the address (never the key) in front, as one of the taxonomy. */
export function named(address: RtmpAddress, thrown: unknown): AnchorNetError {
  const error = asAnchorNetError(thrown);
  if (error instanceof CancelledError || error.message.startsWith(address.shown)) return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  const message = withoutSecrets(error.message, address);
  // A cause is logged with its error: one that repeats a secret is left out.
  const cause = message === error.message ? { cause: error } : {};
  return new DestinationError(`${address.shown}: ${message}`, { ...cause, ...hint });
}
