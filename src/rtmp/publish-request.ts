import type { AmfValue } from '../container/flv/amf0.js';

/** Who wants to publish. */
export interface PublishRequest {
  readonly app: string;
  /** Without its query. */
  readonly streamKey: string;
  /** What follows the `?` of the key, parsed. */
  readonly query: URLSearchParams;
  readonly remoteAddress: string;
}

export type PublishDecision = boolean | { readonly accept: boolean; readonly reason?: string };

/** In characters. */
const MAX_NAME_LENGTH = 1024;

/** The application that a client's `connect` tells, without query and trailing slashes; undefined for none. */
export function parseApp(told: AmfValue): string | undefined {
  return typeof told === 'string' ? bounded((told.split('?')[0] ?? '').replace(/\/+$/, '')) : undefined;
}

/** The stream key that a client's `publish` tells, and its query apart; undefined for none. */
export function parseStreamKey(told: AmfValue): Pick<PublishRequest, 'streamKey' | 'query'> | undefined {
  const name = typeof told === 'string' ? bounded(told) : undefined;
  if (name === undefined) return undefined;
  const at = name.indexOf('?');
  return {
    streamKey: at === -1 ? name : name.slice(0, at),
    query: new URLSearchParams(at === -1 ? '' : name.slice(at + 1)),
  };
}

function bounded(name: string): string | undefined {
  return name === '' || name.length > MAX_NAME_LENGTH ? undefined : name;
}
