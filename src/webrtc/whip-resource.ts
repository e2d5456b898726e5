import { DestinationError } from '../base/errors.js';
import { MAX_SDP_LENGTH } from './sdp/offer-policy.js';

const MAX_REDIRECTS = 5;
const DELETE_TIMEOUT_MS = 3_000;

export interface WhipRequest {
  readonly url: string;
  readonly token?: string;
  readonly offerSdp: string;
  readonly signal: AbortSignal;
}

/** The HTTP side of a WHIP (RFC 9725) or WHEP session as its client sees it. */
export class WhipResource {
  readonly #location: string | undefined;
  readonly #headers: Record<string, string>;
  #deleted = false;

  private constructor(location: string | undefined, headers: Record<string, string>) {
    this.#location = location;
    this.#headers = headers;
  }

  /**
   * Posts the offer, following redirects with the token (RFC 9725 §4.5), which `fetch` would drop across origins.
   *
   * @throws DestinationError when the endpoint cannot be reached or does not answer 201
   */
  static async create(request: WhipRequest): Promise<{ resource: WhipResource; answerSdp: string }> {
    const headers: Record<string, string> =
      request.token === undefined ? {} : { authorization: `Bearer ${request.token}` };
    let url = request.url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await post(url, request, headers);
      const location = response.headers.get('location');
      if ((response.status === 307 || response.status === 308) && location !== null) {
        await response.body?.cancel();
        url = new URL(location, url).href;
        continue;
      }
      const body = (await response.text()).slice(0, MAX_SDP_LENGTH + 1);
      if (response.status !== 201)
        throw new DestinationError(`${url}: expected 201, got ${response.status} ${body.slice(0, 300)}`);
      const resource = location === null ? undefined : new URL(location, url).href;
      return { resource: new WhipResource(resource, headers), answerSdp: body };
    }
    throw new DestinationError(`${request.url}: more than ${MAX_REDIRECTS} redirects`);
  }

  /** Tells the server that the session is over. Never throws: a server that is gone needs no telling. Idempotent. */
  async delete(): Promise<void> {
    if (this.#deleted || this.#location === undefined) return;
    this.#deleted = true;
    try {
      const signal = AbortSignal.timeout(DELETE_TIMEOUT_MS);
      const response = await fetch(this.#location, { method: 'DELETE', headers: this.#headers, signal });
      await response.body?.cancel();
    } catch {
      return;
    }
  }
}

async function post(url: string, request: WhipRequest, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/sdp' },
      body: request.offerSdp,
      redirect: 'manual',
      signal: request.signal,
    });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw new DestinationError(`${url}: cannot be reached`, { cause });
  }
}
