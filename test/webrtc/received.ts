import type { RtpPacket } from '../../src/rtp/packet.js';
import type { RtcConnection } from '../../src/webrtc/rtc-connection.js';
import type { CloseReason } from '../../src/webrtc/types.js';

/** What a connection received, gathered from its events. */
export class Received {
  readonly audio: RtpPacket[] = [];
  readonly video: RtpPacket[] = [];
  readonly rtcp: Buffer[] = [];
  rtxCount = 0;
  closed: { readonly reason: CloseReason; readonly atMs: number } | undefined;

  constructor(connection: RtcConnection) {
    connection.on('rtp', (packet, kind, isRtx) => {
      if (isRtx) this.rtxCount++;
      else this[kind].push(packet);
    });
    connection.on('rtcp', (compound) => this.rtcp.push(compound));
    connection.on('closed', (reason) => (this.closed = { reason, atMs: performance.now() }));
  }
}
