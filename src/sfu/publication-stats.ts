export interface TrackStats {
  readonly packets: number;
  readonly bytes: number;
  /** Never arrived, not even by retransmission. */
  readonly lost: number;
  /** Arrived after a NACK. */
  readonly recovered: number;
  readonly duplicates: number;
  readonly jitterMs: number;
  readonly units: number;
}

interface VideoTrackStats extends TrackStats {
  readonly keyframes: number;
  readonly width: number;
  readonly height: number;
  readonly nacksSent: number;
  readonly plisSent: number;
  /** Pictures thrown away because they or what they refer to were damaged. */
  readonly droppedPictures: number;
  /** Milliseconds from the first PLI to the IDR, of the latest request that was answered. */
  readonly keyframeWaitMs: number | undefined;
}

export interface PublicationStats {
  readonly audio: TrackStats | undefined;
  readonly video: VideoTrackStats | undefined;
  readonly rttMs: number | undefined;
  readonly hasSenderReports: boolean;
  readonly silent: boolean;
  readonly viewers: number;
}
