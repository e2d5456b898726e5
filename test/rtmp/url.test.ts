import { describe, expect, test } from 'vitest';
import { InvalidOptionError } from '../../src/base/errors.js';
import { parseRtmpUrl, withoutSecrets } from '../../src/rtmp/url.js';

describe('RTMP addresses', () => {
  test.each([
    ['rtmp://host/app/key', 'host', 1935, 'app', 'key', 'rtmp://host/app'],
    ['rtmps://host/app/key', 'host', 443, 'app', 'key', 'rtmps://host/app'],
    ['rtmp://host:1936/app/inst/key', 'host', 1936, 'app/inst', 'key', 'rtmp://host:1936/app/inst'],
    ['rtmp://host/app/inst/a/b', 'host', 1935, 'app/inst', 'a/b', 'rtmp://host/app/inst'],
    ['rtmp://host/app/key?t=a/b&u=1', 'host', 1935, 'app', 'key?t=a/b&u=1', 'rtmp://host/app'],
    ['rtmp://host/app?vhost=x/key', 'host', 1935, 'app?vhost=x', 'key', 'rtmp://host/app?vhost=x'],
    ['rtmp://[::1]:1935/app/key', '::1', 1935, 'app', 'key', 'rtmp://[::1]:1935/app'],
  ])('%s', (url, host, port, app, streamKey, tcUrl) => {
    expect(parseRtmpUrl(url)).toMatchObject({ host, port, app, streamKey, tcUrl });
  });

  test('with the key apart the whole path is the application', () => {
    expect(parseRtmpUrl('rtmp://host/a/b/c/', 'key')).toMatchObject({ app: 'a/b/c', streamKey: 'key' });
  });

  test.each([
    ['rtmp://host:1936/app/sesame', 'rtmp://host:1936/app'],
    ['rtmp://host/app/sesame/key', 'rtmp://host/app/…'],
    ['rtmp://host/app?token=sesame/key', 'rtmp://host/app/…'],
    ['rtmps://host/app/key?auth=sesame', 'rtmps://host/app'],
  ])('shows %s as %s', (url, shown) => {
    const address = parseRtmpUrl(url);
    expect(address.shown).toBe(shown);
    expect(withoutSecrets(`refused: ${address.tcUrl} ${address.streamKey} is busy`, address)).not.toMatch(
      /sesame/,
    );
  });

  test.each([
    'http://host/app/key',
    'rtmp://host',
    'rtmp://host/app',
    'rtmp://host:0/a/k',
    'rtmp://u:secret@h/a/k',
    '',
  ])('refuses %s without repeating it', (url) => {
    expect(() => parseRtmpUrl(url)).toThrow(InvalidOptionError);
    expect(() => parseRtmpUrl(url)).not.toThrow(/secret/);
  });
});
