import { readFileSync } from 'node:fs';

const offer = readFileSync(new URL('../webrtc/fixtures/chromium-156-offer.sdp', import.meta.url), 'utf8');

export interface HostileOffer {
  readonly name: string;
  readonly sdp: string;
  readonly status: 400 | 413 | 422;
  /** What the answer must name. */
  readonly names?: RegExp;
}

const section = (kind: string): string => {
  const start = offer.indexOf(`m=${kind}`);
  const end = offer.indexOf('\r\nm=', start);
  return end === -1 ? offer.slice(start) : offer.slice(start, end + 2);
};
const head = offer.slice(0, offer.indexOf('m='));
const without = (line: RegExp): string => offer.replaceAll(line, '');

/** Offers that nothing good comes of, and what they are answered with. */
export const hostileOffers: readonly HostileOffer[] = [
  { name: 'words', sdp: 'Good evening, I would like to publish.', status: 400 },
  { name: 'bytes', sdp: '\u0000\u0001\ufffd'.repeat(500), status: 400 },
  { name: 'no media', sdp: head, status: 422, names: /H\.?264.*Opus/i },
  { name: 'one that breaks off', sdp: offer.slice(0, offer.indexOf('a=fingerprint') + 20), status: 422 },
  { name: 'no fingerprint', sdp: without(/a=fingerprint:.*\r\n/g), status: 400 },
  { name: 'no ICE password', sdp: without(/a=ice-pwd:.*\r\n/g), status: 400 },
  {
    name: 'a thousand sections',
    sdp: head + 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n'.repeat(1_000),
    status: 400,
  },
  { name: 'more bytes than any offer has', sdp: offer + 'a=x:y\r\n'.repeat(12_000), status: 413 },
  { name: 'one endless line', sdp: `${offer}a=candidate:${'9'.repeat(100_000)}\r\n`, status: 413 },
  {
    name: 'video that is not H.264',
    sdp: head + section('audio') + section('video').replaceAll('H264/90000', 'VP8/90000'),
    status: 422,
    names: /H\.?264/i,
  },
  {
    name: 'sound that is not Opus',
    sdp: head + section('audio').replaceAll('opus/48000/2', 'L16/48000/2') + section('video'),
    status: 422,
    names: /opus/i,
  },
];
