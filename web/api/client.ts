/** The parts of an RFC 9457 problem document that the pages show. */
interface Problem {
  readonly detail?: string;
  readonly hint?: string;
}

/** A refusal by the server, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? `the server answered ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.hint = problem.hint;
  }
}

/** The REST API, spoken with one token. Paths are below `/api/v1`. */
export class ApiClient {
  readonly token: string | undefined;

  constructor(token?: string) {
    this.token = token;
  }

  get<T>(path: string): Promise<T> {
    return this.#call<T>('GET', path);
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.#call<T>('POST', path, body);
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#call<T>('PUT', path, body);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#call<T>('PATCH', path, body);
  }

  delete(path: string): Promise<void> {
    return this.#call<void>('DELETE', path);
  }

  /** @throws ApiError when the server refuses, TypeError when it cannot be reached */
  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        ...authorization(this.token),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // Leaving the page must not cut off a goodbye.
      keepalive: method === 'DELETE',
    });
    if (!response.ok) throw await refusal(response);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}

export function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

export async function refusal(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  return new ApiError(response.status, problem);
}

/** Any thrown value in one sentence for people. */
export function describeError(thrown: unknown): { message: string; hint?: string | undefined } {
  if (thrown instanceof ApiError) return { message: capitalise(thrown.message), hint: thrown.hint };
  if (thrown instanceof TypeError) return { message: 'The server cannot be reached', hint: 'Trying again…' };
  return { message: thrown instanceof Error ? capitalise(thrown.message) : String(thrown) };
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
