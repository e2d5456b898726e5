import { InvalidOptionError } from '../base/errors.js';

export interface RtmpAddress {
  readonly isSecure: boolean;
  /** Name or address, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** What `connect` says of itself: the address without the stream key. Tokens may be in it: for the wire alone. */
  readonly tcUrl: string;
  /** Fit for logs, messages and pages: server and application, without anything that could let somebody in. */
  readonly shown: string;
  /** With its query. A secret. */
  readonly streamKey: string;
}

const MAX_URL_LENGTH = 4096;
/** A key such as `live` is a word that messages have in their own right, and keeps nobody out. */
const MIN_SECRET_LENGTH = 6;
const shape = /^(rtmps?):\/\/(\[[0-9a-f:.%]+\]|[^/:?#@[\]\s]+)(?::(\d{1,5}))?\/([^\s#]+)$/i;
const hint = 'Expected rtmp[s]://host[:port]/app/key, or the key given apart.';

/**
 * `rtmp[s]://host[:port]/app[/instance]/key[?query]`, split as ffmpeg does: with three parts or more the first two are
 * the application. With a stream key given apart, as OBS has it, the whole path is the application.
 *
 * @throws InvalidOptionError when it is no such address; the message never holds the key
 */
export function parseRtmpUrl(url: string, streamKey?: string): RtmpAddress {
  const match = url.length <= MAX_URL_LENGTH ? shape.exec(url.trim()) : null;
  if (match === null) throw new InvalidOptionError('RTMP address: not of the expected form', { hint });
  const [, scheme = '', host = '', portText, path = ''] = match;
  const isSecure = scheme.toLowerCase() === 'rtmps';
  const port = portText === undefined ? (isSecure ? 443 : 1935) : Number(portText);
  if (port < 1 || port > 65_535)
    throw new InvalidOptionError(`RTMP address: port ${port} is out of range`, { hint });
  const [app, key] = streamKey === undefined ? splitPath(path) : [path.replace(/\/+$/, ''), streamKey];
  if (app === '' || key === '') {
    throw new InvalidOptionError('RTMP address: expected an application and a stream key', { hint });
  }
  const authority = portText === undefined ? host : `${host}:${portText}`;
  return {
    isSecure,
    host: host.replace(/^\[|\]$/g, ''),
    port,
    app,
    tcUrl: `${scheme.toLowerCase()}://${authority}/${app}`,
    shown: `${scheme.toLowerCase()}://${authority}/${shownApp(app)}`,
    streamKey: key,
  };
}

/** An application's instance is where some services have a key, its query where others have a token. */
function shownApp(app: string): string {
  const [name = ''] = app.split(/[/?]/, 1);
  return name === app ? name : `${name}/…`;
}

/** What a server says may repeat the key that it was given: `text` without it. */
export function withoutSecrets(text: string, { app, tcUrl, shown, streamKey }: RtmpAddress): string {
  const name = streamKey.split('?', 1)[0] ?? streamKey;
  const instance = app === shownApp(app) ? '' : app.slice(app.search(/[/?]/) + 1);
  let masked = text.replaceAll(tcUrl, shown);
  for (const secret of [streamKey, name, instance]) {
    if (secret.length >= MIN_SECRET_LENGTH) masked = masked.replaceAll(secret, '…');
  }
  return masked;
}

function splitPath(path: string): [app: string, key: string] {
  const first = path.indexOf('/');
  if (first === -1) return ['', ''];
  // Slashes of the key's query are the key's own; a query before the first slash belongs to the application.
  const query = path.indexOf('?', first);
  const second = path.indexOf('/', first + 1);
  const hasInstance = second !== -1 && (query === -1 || second < query) && second + 1 < path.length;
  const at = hasInstance ? second : first;
  return [path.slice(0, at), path.slice(at + 1)];
}
