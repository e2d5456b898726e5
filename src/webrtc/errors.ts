import { InvalidOptionError, InvalidStateError } from '../base/errors.js';

/** The offer is larger than the cap. HTTP answers 413. */
export class OversizedOfferError extends InvalidOptionError {}

/** The server, or one source, has as many connections as it may. HTTP answers 503. */
export class TooManyConnectionsError extends InvalidStateError {}
