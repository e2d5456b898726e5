import type { MediaKind, NegotiatedSession } from './types.js';

/** What a received packet is, by its payload type. */
export type MediaRoutes = readonly ({ readonly kind: MediaKind; readonly isRtx: boolean } | undefined)[];

/**
 * Payload types name the m-section by themselves: the offer policy refuses bundles that use one twice, so neither
 * `a=ssrc` in the offer nor mid extensions in the packets are needed.
 */
export function mediaRoutes(media: NegotiatedSession): MediaRoutes {
  const routes: ({ kind: MediaKind; isRtx: boolean } | undefined)[] = [];
  for (const section of [media.audio, media.video]) {
    if (section === undefined) continue;
    routes[section.payloadType] = { kind: section.kind, isRtx: false };
    if (section.rtxPayloadType !== undefined)
      routes[section.rtxPayloadType] = { kind: section.kind, isRtx: true };
  }
  return routes;
}
