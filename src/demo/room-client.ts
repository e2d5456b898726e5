import { DestinationError } from '../base/errors.js';
import type { LayoutName, Mode } from '../media/program-settings.js';

/** What a host and a guest ask of a room over the REST API. */
export class RoomClient {
  readonly #room: string;
  readonly #hostKey: string;
  readonly #signal: AbortSignal | undefined;

  /** @param baseUrl of the server, e.g. `http://127.0.0.1:8080` */
  constructor(options: {
    readonly baseUrl: string;
    readonly roomId: string;
    readonly hostKey: string;
    readonly signal?: AbortSignal | undefined;
  }) {
    this.#room = `${options.baseUrl}/api/v1/rooms/${options.roomId}`;
    this.#hostKey = options.hostKey;
    this.#signal = options.signal;
  }

  /** A guest comes by invite, knocks, and is let in by the host. @throws DestinationError */
  async admitGuest(name: string): Promise<{ readonly id: string; readonly token: string }> {
    const invite = await this.#call<{ token: string }>('POST', '/invites', this.#hostKey, {});
    const knock = await this.#call<{ participant: { id: string }; token: string }>(
      'POST',
      '/participants',
      invite.token,
      { name },
    );
    const { id } = knock.participant;
    await this.#call('PATCH', `/participants/${id}`, this.#hostKey, { state: 'accepted' });
    return { id, token: knock.token };
  }

  /** @throws DestinationError */
  async dismissGuest(id: string): Promise<void> {
    await this.#call('DELETE', `/participants/${id}`, this.#hostKey);
  }

  /** What the host's label says. @throws DestinationError */
  async nameHost(name: string): Promise<void> {
    await this.#call('PATCH', '/participants/host', this.#hostKey, { name });
  }

  /** @throws DestinationError */
  async setMode(mode: Mode): Promise<void> {
    await this.#call('PUT', '/mode', this.#hostKey, { mode });
  }

  /** @throws DestinationError */
  async setLayout(layout: LayoutName): Promise<void> {
    await this.#call('PUT', '/layout', this.#hostKey, { layout });
  }

  async #call<Answer>(method: string, path: string, token: string, body?: object): Promise<Answer> {
    const url = `${this.#room}${path}`;
    const deadline = AbortSignal.timeout(10_000);
    let status: number;
    let text: string;
    try {
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: this.#signal === undefined ? deadline : AbortSignal.any([this.#signal, deadline]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (cause) {
      throw new DestinationError(`${method} ${url}: no answer`, { cause });
    }
    if (status >= 400) throw new DestinationError(`${method} ${url}: ${status} ${text.slice(0, 300)}`);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }
}
