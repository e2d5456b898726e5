import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  InvalidOptionError,
  MalformedMediaError,
  UnsupportedMediaError,
  type AnchorNetError,
} from '../base/errors.js';
import { OversizedOfferError, TooManyConnectionsError } from '../webrtc/errors.js';

const MAX_OFFER_BYTES = 256 * 1024;

/** @throws OversizedOfferError beyond what any offer needs */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_OFFER_BYTES)
      throw new OversizedOfferError(`SDP: expected at most ${MAX_OFFER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Tells the client in one line why not. */
export function refuse(response: ServerResponse, error: AnchorNetError): void {
  const status =
    error instanceof OversizedOfferError
      ? 413
      : error instanceof TooManyConnectionsError
        ? 503
        : error instanceof UnsupportedMediaError
          ? 422
          : error instanceof MalformedMediaError || error instanceof InvalidOptionError
            ? 400
            : 500;
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { 'content-type': 'text/plain' }).end(`${error.message}\n`);
}
