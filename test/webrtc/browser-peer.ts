import type { Page } from 'playwright-core';

/* Functions that run inside a page: they may refer to nothing outside themselves. */

declare global {
  interface Window {
    peer: RTCPeerConnection;
  }
}

export interface BrowserPublishOptions {
  readonly url: string;
  /** Leaves `a=ssrc` out of the offer, as other stacks do. */
  readonly stripSsrc?: boolean;
  /** Orders H.264's variants the other way round. */
  readonly reverseCodecs?: boolean;
}

/** Publishes the fake camera and microphone by WHIP; resolves with offer and answer. */
export function publishFromPage(
  page: Page,
  options: BrowserPublishOptions,
): Promise<{ offer: string; answer: string; status: number }> {
  return page.evaluate(async ({ url, stripSsrc, reverseCodecs }) => {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width: 640, height: 360, frameRate: 30 },
    });
    const peer = (window.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }));
    peer.addTransceiver(stream.getAudioTracks()[0]!, { direction: 'sendonly' });
    const video = peer.addTransceiver(stream.getVideoTracks()[0]!, { direction: 'sendonly' });
    if (reverseCodecs === true) {
      const codecs = RTCRtpSender.getCapabilities('video')!.codecs;
      video.setCodecPreferences([...codecs].reverse());
    }
    await peer.setLocalDescription();
    let offer = peer.localDescription!.sdp;
    if (stripSsrc === true)
      offer = offer
        .split('\r\n')
        .filter((line) => !line.startsWith('a=ssrc') && !line.startsWith('a=msid'))
        .join('\r\n');
    const response = await fetch(url, {
      method: 'POST',
      body: offer,
      headers: { 'content-type': 'application/sdp' },
    });
    const answer = await response.text();
    if (response.status === 201) await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    return { offer, answer, status: response.status };
  }, options);
}

/** Plays by WHEP into the page's video element. */
export function playInPage(page: Page, url: string): Promise<{ answer: string; status: number }> {
  return page.evaluate(async (endpoint) => {
    const peer = (window.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }));
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.addTransceiver('video', { direction: 'recvonly' });
    const media = new MediaStream();
    peer.ontrack = ({ track }) => {
      media.addTrack(track);
      (document.getElementById('video') as HTMLVideoElement).srcObject = media;
    };
    await peer.setLocalDescription();
    const response = await fetch(endpoint, { method: 'POST', body: peer.localDescription!.sdp });
    const answer = await response.text();
    if (response.status === 201) await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    return { answer, status: response.status };
  }, url);
}

/** Makes the page the answering end of an offer, as a WHIP server would be; every candidate is in the answer. */
export function answerInPage(page: Page, offer: string): Promise<string> {
  return page.evaluate(async (sdp) => {
    // Candidates show addresses instead of mDNS names while the page captures.
    await navigator.mediaDevices.getUserMedia({ audio: true });
    const peer = (window.peer = new RTCPeerConnection());
    await peer.setRemoteDescription({ type: 'offer', sdp });
    await peer.setLocalDescription();
    while (peer.iceGatheringState !== 'complete')
      await new Promise((resolve) => peer.addEventListener('icegatheringstatechange', resolve));
    return peer.localDescription!.sdp;
  }, offer);
}

export interface InboundStats {
  readonly framesDecoded: number;
  readonly packetsLost: number;
  readonly audioPackets: number;
  readonly audioSamples: number;
  readonly srtpCipher: string;
}

export function inboundStats(page: Page): Promise<InboundStats> {
  return page.evaluate(async () => {
    const report = await window.peer.getStats();
    let [framesDecoded, packetsLost, audioPackets, audioSamples, srtpCipher] = [0, 0, 0, 0, ''];
    report.forEach((entry: Record<string, unknown>) => {
      if (entry['type'] === 'transport') srtpCipher = String(entry['srtpCipher']);
      if (entry['type'] !== 'inbound-rtp') return;
      packetsLost += Number(entry['packetsLost']);
      if (entry['kind'] === 'video') framesDecoded = Number(entry['framesDecoded'] ?? 0);
      else {
        audioPackets = Number(entry['packetsReceived'] ?? 0);
        audioSamples = Number(entry['totalSamplesReceived'] ?? 0);
      }
    });
    return { framesDecoded, packetsLost, audioPackets, audioSamples, srtpCipher };
  });
}
