import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnchorNetError, MalformedMediaError, UnsupportedMediaError } from '../../src/base/errors.js';
import { OversizedOfferError } from '../../src/webrtc/errors.js';
import { parseFragment } from '../../src/webrtc/sdp/fragment.js';
import { planOffer } from '../../src/webrtc/sdp/offer-policy.js';
import { parseSessionDescription } from '../../src/webrtc/sdp/session-description.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';

const offer = readFileSync(new URL('./fixtures/chromium-156-offer.sdp', import.meta.url), 'utf8');
const receive = { direction: 'receive' } as const;
const video = (sdp: string) =>
  planOffer(sdp, receive).sections.find((s) => s.media?.kind === 'video')!.media!;
const swap = (from: string | RegExp, to: string): string => {
  const changed = offer.replaceAll(from instanceof RegExp ? new RegExp(from, 'g') : from, to);
  expect(changed).not.toBe(offer);
  return changed;
};
/** A parser that stays linear needs milliseconds; the bound only has to catch one that does not. */
const BOUND_MS = 500;
function withinBound(action: () => void): void {
  const start = performance.now();
  action();
  expect(performance.now() - start).toBeLessThan(BOUND_MS);
}

describe('offer policy', () => {
  it('takes a Chromium offer: H.264 in packetization-mode 1 with its own retransmission type, and Opus', () => {
    const plan = planOffer(offer, receive);
    const media = video(offer);
    expect(offer).toContain(`a=rtpmap:${media.payloadType} H264/90000`);
    expect(media.fmtp).toContain('packetization-mode=1');
    expect(media.fmtp).toContain('profile-level-id=42e01f');
    expect(offer).toContain(`a=fmtp:${media.rtxPayloadType} apt=${media.payloadType}\r\n`);
    expect(media.extensionIds.transportCc).toBeGreaterThan(0);
    expect(plan.sections.find((section) => section.media?.kind === 'audio')!.media!.channels).toBe(2);
  });

  it('chooses the same H.264 whatever the order of the payload types', () => {
    const line = /m=video \d+ \S+ (.*)/.exec(offer)!;
    const types = line[1]!.trim().split(' ');
    const expected = video(offer).payloadType;
    fc.assert(
      fc.property(fc.shuffledSubarray(types, { minLength: types.length }), (shuffled) => {
        expect(video(offer.replace(line[1]!, shuffled.join(' '))).payloadType).toBe(expected);
      }),
    );
  });

  it('prefers the profile of the stream when it sends', () => {
    const viewer = swap('a=sendonly', 'a=recvonly');
    const plan = planOffer(viewer, { direction: 'send', profileLevelId: '4d0028' });
    const media = plan.sections.find((section) => section.media?.kind === 'video')!.media!;
    expect(media.fmtp).toContain('profile-level-id=4d001f');
    expect(media.ssrcHints).toEqual([media.ssrc, media.rtxSsrc]);
    expect(media.extensionIds).toEqual({});
  });

  it.each([
    ['no H.264', () => swap('H264/90000', 'H266/90000')],
    ['H.264 only in packetization-mode 0', () => swap('packetization-mode=1', 'packetization-mode=0')],
    ['no Opus', () => swap('opus/48000/2', 'speex/16000')],
    ['nothing to receive', () => swap('a=sendonly', 'a=recvonly')],
    ['no BUNDLE', () => swap('a=group:BUNDLE 0 1', 'a=x')],
    ['no rtcp-mux', () => swap('a=rtcp-mux\r\n', '')],
    ['a passive DTLS role', () => swap('a=setup:actpass', 'a=setup:passive')],
    ['two video sections', () => offer + offer.slice(offer.indexOf('m=video')).replace('a=mid:1', 'a=mid:2')],
  ])('refuses an offer with %s, saying what is expected', (_what, make) => {
    expect(() => planOffer(make(), receive)).toThrow(UnsupportedMediaError);
    expect(() => planOffer(make(), receive)).toThrow(/supported are H\.264|expected|lacks/);
  });

  it.each([
    ['nothing', () => ''],
    ['HTML', () => '<html>'],
    ['no ICE credentials', () => swap(/a=ice-(ufrag|pwd):.*\r\n/, '')],
    ['no fingerprint', () => swap(/a=fingerprint:.*\r\n/, '')],
    ['a weak fingerprint', () => swap('a=fingerprint:sha-256', 'a=fingerprint:md5')],
    ['a broken m-line', () => swap('m=video 9 ', 'm=video nine ')],
    ['400 m-lines', () => offer + 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'.repeat(400)],
  ])('calls an offer with %s malformed', (_what, make) => {
    withinBound(() => expect(() => planOffer(make(), receive)).toThrow(MalformedMediaError));
  });

  it('refuses what is too large before looking at it', () => {
    const huge = offer + 'a=x\r\n'.repeat(10_000_000 / 5);
    withinBound(() => expect(() => planOffer(huge, receive)).toThrow(OversizedOfferError));
  });

  it('needs bounded time for the worst that fits', () => {
    const fillers = [
      'a=ssrc:1 x\r\n',
      'a=rtpmap:96 H264/90000\r\n',
      'a=extmap:1 x\r\n',
      'a=fmtp:96 ;;;;;\r\n',
      'a=\r\n',
    ];
    for (const filler of fillers) {
      const worst = offer + filler.repeat(Math.floor((65_000 - offer.length) / filler.length));
      withinBound(() => planOffer(worst, receive));
    }
    withinBound(() => {
      const many = `m=video 9 UDP/TLS/RTP/SAVPF ${'96 '.repeat(15_000)}\r\n`;
      expect(() => planOffer(offer.replace(/m=video .*\r\n/, many), receive)).not.toThrow(RangeError);
    });
  });

  it('answers or refuses any damaged offer with an error of ours', () => {
    const lines = offer.split('\r\n');
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(), cut: fc.nat(), with: fc.string(), mode: fc.nat(2) }), {
          minLength: 1,
          maxLength: 8,
        }),
        (damages) => {
          const damaged = [...lines];
          for (const { at, cut, with: text, mode } of damages) {
            const index = at % damaged.length;
            const line = damaged[index]!;
            const split = cut % (line.length + 1);
            if (mode === 0) damaged.splice(index, 1);
            else if (mode === 1)
              damaged[index] = line.slice(0, split) + text + line.slice(split + text.length);
            else damaged.splice(cut % damaged.length, 0, line);
          }
          try {
            planOffer(damaged.join('\r\n'), receive);
          } catch (error) {
            expect(error).toBeInstanceOf(AnchorNetError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('answers', () => {
  it('name the advertised addresses, ICE-lite, the bundle, and the end of candidates', async () => {
    const server = await WebRtcServer.open({
      tcpPort: 0,
      advertisedAddresses: ['203.0.113.7', '2001:db8::7'],
    });
    const { answerSdp, connection } = await server.answer(offer, receive);
    const udp = `203.0.113.7 ${server.udpPort} typ host\r\n`;
    expect(answerSdp).toMatch(new RegExp(`a=candidate:1 1 udp \\d+ ${udp}`));
    expect(answerSdp).toContain(`2001:db8::7 ${server.udpPort} typ host`);
    expect(answerSdp).toContain(`203.0.113.7 ${server.tcpPort} typ host tcptype passive`);
    expect(answerSdp).toMatch(/a=ice-lite\r\n[^]*m=audio/);
    expect(answerSdp).toContain('a=group:BUNDLE 0 1\r\n');
    expect(answerSdp.match(/a=end-of-candidates/g)).toHaveLength(1);
    expect(answerSdp.match(/a=setup:passive/g)).toHaveLength(2);
    expect(answerSdp).not.toContain('.local');
    const kinds = parseSessionDescription(answerSdp).sections.map(({ kind }) => kind);
    expect(kinds).toEqual(['audio', 'video']);
    expect(connection.etag).toMatch(/^"[0-9a-f]+"$/);
    await server.close();
  });

  it('decline data channels and keep the order of the offer', async () => {
    const server = await WebRtcServer.open();
    const withData =
      offer + 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n';
    const { answerSdp } = await server.answer(withData, receive);
    expect(answerSdp).toMatch(/m=application 0 UDP\/DTLS\/SCTP webrtc-datachannel/);
    expect(answerSdp).toContain('a=group:BUNDLE 0 1\r\n');
    await server.close();
  });

  it('stop at the limits on connections, and free what never connects', async () => {
    const server = await WebRtcServer.open({
      maxConnections: 3,
      maxPendingPerSource: 2,
      handshakeTimeoutMs: 300,
    });
    const answer = () => server.answer(offer, { ...receive, source: '192.0.2.9' });
    const first = await answer();
    await answer();
    await expect(answer()).rejects.toThrow(/at most 2 connections from 192\.0\.2\.9/);
    await server.answer(offer, receive);
    await expect(server.answer(offer, receive)).rejects.toThrow(/at most 3/);
    const reason = await new Promise((resolve) => first.connection.once('closed', resolve));
    expect(reason).toBe('handshake-timeout');
    await expect.poll(() => server.tableSizes).toEqual([0, 0, 0, 0]);
    await server.close();
  });
});

describe('trickle fragments', () => {
  const fragment =
    'a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n';
  it('are taken when they are well-formed', () => {
    const candidate = 'a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n';
    expect(parseFragment(fragment + candidate)).toEqual({ ufrag: 'abcd', candidates: 1 });
  });
  it('of the session change nothing; with other credentials they restart ICE', async () => {
    const server = await WebRtcServer.open();
    const { connection } = await server.answer(offer, receive);
    const { etag } = connection;
    const own = (name: string): string => new RegExp(`a=${name}:.*\\r\\n`).exec(offer)![0];
    expect(connection.patch(own('ice-ufrag') + own('ice-pwd'))).toEqual({ kind: 'trickled' });
    expect(connection.etag).toBe(etag);
    for (let i = 0; i < 20; i++) {
      const result = connection.patch(fragment.replace('abcd', `new${i}`));
      expect(result).toMatchObject({ kind: 'restarted' });
    }
    expect(connection.etag).not.toBe(etag);
    expect(server.tableSizes[1]).toBe(2);
    await server.close();
  });
  it('are refused when they are not', () => {
    expect(() => parseFragment('')).toThrow(MalformedMediaError);
    expect(() => parseFragment('hello')).toThrow(MalformedMediaError);
    expect(() => parseFragment(fragment + 'a=x\r\n'.repeat(10_000))).toThrow(OversizedOfferError);
  });
});
