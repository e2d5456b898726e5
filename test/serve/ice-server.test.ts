import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../src/base/errors.js';
import { parseIceServer } from '../../src/serve/ice-server.js';

describe('an ICE server on the command line', () => {
  it('is STUN by its address alone, and TURN with user and password', () => {
    expect(parseIceServer('stun:stun.example.net:3478')).toEqual({ url: 'stun:stun.example.net:3478' });
    expect(parseIceServer('stun:[2001:db8::1]')).toEqual({ url: 'stun:[2001:db8::1]' });
    expect(parseIceServer('turn:ada:p%40ss@turn.example.net?transport=tcp')).toEqual({
      url: 'turn:turn.example.net?transport=tcp',
      username: 'ada',
      credential: 'p@ss',
    });
  });

  it('is refused when it is anything else, without repeating the password', () => {
    const wrong = [
      'turn.example.net',
      'http://turn.example.net',
      'stun:',
      'stun:a b',
      'stun:host?transport=udp',
      'turn:turn.example.net',
      'stun:ada:secret@host',
      'turn:ada:secret%@host',
      'turn:ada:secret%22@host',
      'turn:ada:secret%0a@host',
      'turn:ada:secret@host:port',
    ];
    for (const text of wrong) {
      expect(() => parseIceServer(text), text).toThrow(InvalidOptionError);
      expect(() => parseIceServer(text), text).not.toThrow(/secret/);
    }
  });
});
