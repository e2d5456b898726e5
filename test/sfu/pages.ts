/** What the browser pages of these tests run. Each function is sent to the page as it is: it can use nothing here. */
import type { Page } from 'playwright-core';

export interface PublishOptions {
  readonly url: string;
  readonly width?: number;
  readonly height?: number;
  readonly maxBitrateBps?: number;
  /** Keep H.264 from being the browser's choice to make: always true for us. */
  readonly audio?: boolean;
}

interface Peers {
  publisher?: RTCPeerConnection;
  player?: RTCPeerConnection;
  canvas?: HTMLCanvasElement;
}

/** Publishes a busy canvas picture, which needs all the bit rate it can get, and a tone. */
export function publish(page: Page, options: PublishOptions): Promise<void> {
  return page.evaluate(
    async ({ url, width = 1280, height = 720, maxBitrateBps = 2_500_000, audio = true }) => {
      const peers = window as unknown as Peers;
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [width, height];
      peers.canvas = canvas;
      const pen = canvas.getContext('2d')!;
      let frame = 0;
      setInterval(() => {
        frame++;
        pen.fillStyle = `hsl(${frame % 360},80%,50%)`;
        pen.fillRect(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < 120; i++) {
          pen.fillStyle = `hsl(${Math.random() * 360},70%,60%)`;
          pen.fillRect(Math.random() * canvas.width, Math.random() * canvas.height, 40, 40);
        }
      }, 1000 / 30);
      const stream = canvas.captureStream(30);
      const sound = new AudioContext();
      const tone = sound.createOscillator();
      const destination = sound.createMediaStreamDestination();
      tone.connect(destination);
      tone.start();
      const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      peers.publisher = peer;
      if (audio) peer.addTransceiver(destination.stream.getAudioTracks()[0]!, { direction: 'sendonly' });
      const video = peer.addTransceiver(stream.getVideoTracks()[0]!, {
        direction: 'sendonly',
        sendEncodings: [{ maxBitrate: maxBitrateBps }],
      });
      const codecs = RTCRtpSender.getCapabilities('video')!.codecs;
      video.setCodecPreferences(
        codecs.filter(({ mimeType }) => mimeType === 'video/H264' || mimeType === 'video/rtx'),
      );
      await peer.setLocalDescription();
      while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 5));
      const response = await fetch(url, {
        method: 'POST',
        body: peer.localDescription!.sdp,
        headers: { 'content-type': 'application/sdp' },
      });
      if (response.status !== 201) throw new Error(await response.text());
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    },
    options,
  );
}

export function resizePicture(page: Page, width: number, height: number): Promise<void> {
  return page.evaluate(
    ([w, h]) => {
      const { canvas } = window as unknown as Peers;
      canvas!.width = w!;
      canvas!.height = h!;
    },
    [width, height],
  );
}

export function play(page: Page, url: string): Promise<void> {
  return page.evaluate(async (endpoint) => {
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    (window as unknown as Peers).player = peer;
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.addTransceiver('video', { direction: 'recvonly' });
    const media = new MediaStream();
    peer.ontrack = ({ track }) => {
      media.addTrack(track);
      document.querySelector('video')!.srcObject = media;
    };
    await peer.setLocalDescription();
    while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 5));
    const response = await fetch(endpoint, {
      method: 'POST',
      body: peer.localDescription!.sdp,
      headers: { 'content-type': 'application/sdp' },
    });
    if (response.status !== 201) throw new Error(await response.text());
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  }, url);
}

export interface PlayerStats {
  readonly framesDecoded: number;
  readonly framesDropped: number;
  readonly freezes: number;
  readonly frozenSeconds: number;
  readonly width: number;
  readonly packets: number;
  readonly nacks: number;
  readonly plis: number;
  readonly retransmitted: number;
  readonly concealedSamples: number;
  readonly audioSamples: number;
  readonly audioPackets: number;
}

export function playerStats(page: Page): Promise<PlayerStats> {
  return page.evaluate(async () => {
    const { player } = window as unknown as Peers;
    const reports: Record<string, unknown>[] = [];
    (await player!.getStats()).forEach((report) => reports.push(report as Record<string, unknown>));
    const [video, audio] = ['video', 'audio'].map(
      (kind) =>
        (reports.find((each) => each.type === 'inbound-rtp' && each.kind === kind) ?? {}) as Record<
          string,
          number
        >,
    ) as [Record<string, number>, Record<string, number>];
    return {
      framesDecoded: video.framesDecoded ?? 0,
      framesDropped: video.framesDropped ?? 0,
      freezes: video.freezeCount ?? 0,
      frozenSeconds: video.totalFreezesDuration ?? 0,
      width: video.frameWidth ?? 0,
      packets: video.packetsReceived ?? 0,
      nacks: video.nackCount ?? 0,
      plis: video.pliCount ?? 0,
      retransmitted: video.retransmittedPacketsReceived ?? 0,
      concealedSamples: audio.concealedSamples ?? 0,
      audioSamples: audio.totalSamplesReceived ?? 0,
      audioPackets: audio.packetsReceived ?? 0,
    };
  });
}

export interface PublisherStats {
  readonly framesEncoded: number;
  readonly bytesSent: number;
  readonly targetBitrateBps: number;
  readonly availableBps: number;
  readonly nacks: number;
  readonly plis: number;
  readonly retransmitted: number;
}

export function publisherStats(page: Page): Promise<PublisherStats> {
  return page.evaluate(async () => {
    const { publisher } = window as unknown as Peers;
    const reports: Record<string, unknown>[] = [];
    (await publisher!.getStats()).forEach((report) => reports.push(report as Record<string, unknown>));
    const video = (reports.find((each) => each.type === 'outbound-rtp' && each.kind === 'video') ??
      {}) as Record<string, number>;
    const pair = (reports.find((each) => each.type === 'candidate-pair' && each.nominated) ?? {}) as Record<
      string,
      number
    >;
    return {
      framesEncoded: video.framesEncoded ?? 0,
      bytesSent: video.bytesSent ?? 0,
      targetBitrateBps: video.targetBitrate ?? 0,
      availableBps: pair.availableOutgoingBitrate ?? 0,
      nacks: video.nackCount ?? 0,
      plis: video.pliCount ?? 0,
      retransmitted: video.retransmittedPacketsSent ?? 0,
    };
  });
}
