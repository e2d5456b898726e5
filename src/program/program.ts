import type { AccessUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import type { Layout, Mode, ProgramSettings } from '../media/program-settings.js';
import { rescale, MICROSECONDS, MILLISECONDS, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { formatOf, withFormat, type AudioFormat } from './audio-format.js';
import { HostWatch } from './host-watch.js';
import { MediaWait, usToVideoTicks } from './media-wait.js';
import { MixStage } from './mix-stage.js';
import type { ParticipantMedia } from './participant-media.js';
import type { Who } from './ports.js';
import { ProgramAudio } from './program-audio.js';
import { ProgramClock } from './program-clock.js';
import type { ProgramOptions, ProgramStats, ResumeAt } from './program-options.js';
import type { SourceChange, VideoSwitchPort } from './switch-port.js';
import { ProgramTimeline } from './timeline.js';
import { VideoSwitch, type Want } from './video-switch.js';

/** Between two looks at the clock; a third of the shortest AAC frame. */
const MAX_WAIT_US = 7_000;
/** How long a new host session may take to its first IDR before its sound alone begins. */
const FIRST_IDR_US = 700_000;
/** A mixer that failed is not used again for this long. */
const MIXER_REST_US = 5_000_000;

/**
 * One room's program: takes participants' units, puts out one timeline. It reads the clock it is given and has no
 * timer; its owner calls {@link advance} when that asks for it, so a test or an offline run drives it as it likes.
 */
export class Program {
  readonly #options: ProgramOptions;
  #settings: ProgramSettings;
  readonly #clock = new ProgramClock();
  readonly #timeline: ProgramTimeline;
  readonly #stage: MixStage;
  readonly #wait: MediaWait;
  readonly #audio: ProgramAudio;
  readonly #video: VideoSwitch;
  readonly #hostWatch = new HostWatch();
  #mixerRestsUntilUs = -Infinity;
  #mode: Mode = 'live';
  /** System time of what the present or next switch goes back to. */
  #causeUs: number;
  #ended = false;
  #closed = false;

  constructor(options: ProgramOptions) {
    const { logger, openMixer, openAac, openOpus, resumeAt, events } = options;
    this.#options = options;
    this.#settings = withFormat(options.settings, resumeAt?.audioFormat);
    this.#timeline = new ProgramTimeline((unit, source) => events.unit(unit, source));
    this.#stage = new MixStage({
      clock: this.#clock,
      sampleRate: () => this.#settings.audioSampleRate,
      layout: this.#settings.layout,
      logger,
      openMixer: () => openMixer(this.#settings),
      onFailure: (reason) => this.#mixerFailed(reason),
    });
    this.#wait = new MediaWait({
      stage: this.#stage,
      clock: this.#clock,
      settings: () => this.#settings,
      seen: () => this.#seen(),
      nowUs: () => this.#nowUs(),
      heardUs: () => this.#heardUs(),
    });
    this.#audio = new ProgramAudio({
      clock: this.#clock,
      stage: this.#stage,
      timeline: this.#timeline,
      logger,
      format: () => formatOf(this.#settings),
      onFormat: (format) => this.#changeFormat(format),
      relays: () => this.#settings.relay === 'on',
      openAac,
      openOpus,
      onOpus: (unit) => events.opus(unit),
      onSeam: (seam) => events.seam(seam),
    });
    this.#video = new VideoSwitch(this.#port(), this.#nowUs());
    this.#causeUs = this.#nowUs();
    if (resumeAt !== undefined) this.#resume(resumeAt);
  }

  get stats(): ProgramStats {
    const inputs = [...this.#stage.participants].map(({ input }) => input.stats);
    return {
      lateTicks: this.#video.lateTicks,
      droppedUnits: this.#timeline.stats.droppedUnits,
      decodeErrors: inputs.reduce((sum, { decodeErrors }) => sum + decodeErrors, 0),
      concealedSamples: inputs.reduce((sum, { concealedSamples }) => sum + concealedSamples, 0),
    };
  }

  /** Where another program would take this one up; `undefined` before it has begun. */
  get position(): ResumeAt | undefined {
    const { lastVideoPts } = this.#timeline;
    if (lastVideoPts < 0) return undefined;
    const duration = rescale(1, this.#settings.fps, VIDEO_TIMESCALE);
    return {
      videoPts: lastVideoPts + duration,
      ...(this.#audio.position ?? { audioPts: this.#toSamples(lastVideoPts) }),
      atUs: this.#nowUs(),
      ended: this.#ended,
    };
  }

  setParticipant(id: string, settings: ParticipantSettings, canRequestKeyframe: boolean): void {
    const participant = this.#stage.set(id, settings);
    participant.canRequestKeyframe = canRequestKeyframe;
    if (this.#video.decoding) this.#stage.feedPictures(participant);
  }

  removeParticipant(id: string): void {
    this.endSession(id);
    this.#stage.remove(id);
  }

  beginSession(id: string): void {
    const participant = this.#stage.find(id);
    if (participant === undefined) return;
    if (participant === this.#stage.host) this.#endHost();
    participant.beginSession();
    participant.wantIdr();
  }

  endSession(id: string): void {
    const participant = this.#stage.find(id);
    if (participant === undefined) return;
    if (participant === this.#stage.host) {
      this.#endHost();
      this.#causeUs = this.#nowUs();
    }
    participant.endSession();
  }

  write(id: string, unit: AccessUnit, arrivalUs: number): void {
    const participant = this.#stage.find(id);
    if (participant === undefined || this.#closed) return;
    if (!participant.active) this.beginSession(id);
    participant.observe(unit, arrivalUs, this.#nowUs());
    if (participant === this.#stage.host) this.#writeHost(participant, unit, arrivalUs);
    else if (participant.settings.onAir && this.#isMixed(unit)) this.#stage.feedUnit(participant, unit);
    this.advance();
  }

  setMode(mode: Mode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#causeUs = this.#nowUs();
    this.advance();
  }

  setLayout(layout: Layout): void {
    this.#stage.setLayout(layout);
  }

  /** The program's sound as Opus too, whatever its source is. */
  setOpus(enabled: boolean): void {
    this.#audio.setOpus(enabled);
  }

  requestKeyframe(): void {
    if (this.#video.mixing) this.#video.wantKeyframe();
    else this.#stage.host?.wantIdr();
  }

  /**
   * Does everything that is due now.
   *
   * @returns system time in µs at which to call again
   */
  advance(): number {
    const nowUs = this.#nowUs();
    if (this.#closed) return nowUs + MAX_WAIT_US;
    this.#watchHost();
    const heardUs = this.#heardUs();
    let more = this.#video.advance(heardUs, this.#want(heardUs));
    if (this.#audio.running) more = this.#audio.pumpTo(this.#audioLimit(), this.#video.source) || more;
    this.#askForIdrs(nowUs);
    return more ? nowUs : nowUs + MAX_WAIT_US;
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#audio.close();
    this.#stage.close();
  }

  #nowUs(): number {
    return this.#options.clock.nowUs();
  }

  /** Up to when what arrived has been read: the time that the program's decisions go by. */
  #heardUs(): number {
    return this.#options.backlog.heardUs(this.#nowUs());
  }

  #resume(at: ResumeAt): void {
    this.#timeline.resume(at.videoPts, at.audioPts);
    this.#clock.resume(at.videoPts, at.atUs);
    if (at.ended === true) this.#ended = true;
    else this.#audio.resume(at);
  }

  #writeHost(host: ParticipantMedia, unit: AccessUnit, arrivalUs: number): void {
    this.#ended = false;
    if (!this.#clock.hasHost && !this.#beginHost(host, unit, arrivalUs)) return;
    if (unit.kind === 'audio') {
      this.#audio.hear(host, unit);
      return;
    }
    const offset = this.#clock.hostOffset;
    const heardUs = this.#heardUs();
    // What this unit changes about the host's presence counts before the unit itself does.
    this.#watchHost();
    this.#video.advance(heardUs, this.#want(heardUs));
    this.#video.onHostVideo({ ...unit, pts: unit.pts + offset, dts: unit.dts + offset }, heardUs);
    if (this.#video.decoding) this.#stage.feedPictures(host);
  }

  /** Whether a guest's unit is wanted: the mode that is left ends for the pictures before it does for the sound. */
  #isMixed(unit: AccessUnit): boolean {
    return this.#video.decoding || (unit.kind === 'audio' && this.#audio.who === 'all');
  }

  #seen(): Who {
    return this.#mode === 'collab' ? 'all' : 'host';
  }

  /** @returns whether the host's timeline carries the clock now */
  #beginHost(host: ParticipantMedia, unit: AccessUnit, arrivalUs: number): boolean {
    const startsHere = unit.kind === 'video' && unit.isIdr;
    if (!startsHere && arrivalUs - (host.firstUnitUs ?? arrivalUs) < FIRST_IDR_US) return false;
    const mediaUs = arrivalUs - (host.map.offsetUs ?? 0);
    this.#clock.beginHost(host.map, usToVideoTicks(mediaUs), arrivalUs);
    return true;
  }

  #toSamples(pts: number): number {
    return rescale(pts, VIDEO_TIMESCALE, this.#settings.audioSampleRate);
  }

  #watchHost(): void {
    const nowUs = this.#nowUs();
    const heardUs = this.#heardUs();
    const { host } = this.#stage;
    if (this.#hostWatch.look(host, nowUs, heardUs)) this.#causeUs = nowUs;
    const overdue = this.#hostWatch.goneForUs(heardUs) > this.#settings.graceMs * 1_000;
    if (overdue && !this.#ended && this.#audio.running) this.#end(heardUs);
    const intervalUs = rescale(this.#settings.keyframeIntervalMs, MILLISECONDS, MICROSECONDS);
    const idrIsOld = heardUs - (host?.lastIdrUs ?? -Infinity) > intervalUs;
    if (this.#hostWatch.presence === 'present' && idrIsOld) host?.wantIdr();
  }

  #end(heardUs: number): void {
    this.#ended = true;
    this.#video.stop(heardUs);
    this.#audio.stop();
    this.#options.events.ended();
  }

  #want(heardUs: number): Want {
    if (!this.#clock.running || this.#ended) return 'none';
    const relay =
      (this.#mode === 'live' && this.#settings.relay === 'on') || heardUs < this.#mixerRestsUntilUs;
    if (!relay) return 'mix';
    if (this.#hostWatch.presence === 'present') return 'relay';
    // Nothing is on the air yet: the first picture may still be on its way.
    const first = this.#stage.host?.firstUnitUs;
    if (this.#video.phase === 'idle' && first !== undefined && heardUs - first < FIRST_IDR_US) return 'relay';
    return 'mix';
  }

  #audioLimit(): number {
    const relays = !this.#video.mixing && this.#hostWatch.presence !== 'gone';
    return this.#wait.audioLimit(this.#audio.who, relays);
  }

  #askForIdrs(nowUs: number): void {
    for (const participant of this.#stage.participants) {
      if (participant.takeIdrRequest(nowUs)) this.#options.events.requestKeyframe(participant.id);
    }
  }

  /** The host's timeline no longer carries the clock. */
  #endHost(): void {
    this.#clock.endHost(this.#heardUs());
    this.#audio.endHostSession();
  }

  #changeFormat(format: AudioFormat): void {
    this.#settings = withFormat(this.#settings, format);
    this.#stage.reopen();
    this.#mixerReplaced();
  }

  #mixerFailed(reason: string): void {
    this.#options.events.warning(`the mixer failed, the host is relayed meanwhile: ${reason}`);
    this.#mixerRestsUntilUs = this.#heardUs() + MIXER_REST_US;
    this.#causeUs = this.#nowUs();
    this.#mixerReplaced();
  }

  #mixerReplaced(): void {
    if (this.#video.decoding) {
      for (const participant of this.#stage.participants) this.#stage.feedPictures(participant);
    }
    this.#video.encoderReplaced();
  }

  #changed(change: SourceChange): void {
    const { mode, source, pts } = change;
    this.#audio.setWho(change.who, pts);
    if (!change.isFinal) return;
    const tookMs = Math.max(0, this.#nowUs() - this.#causeUs) / 1_000;
    this.#options.events.switched({ mode, source, videoPts: pts, tookMs });
  }

  #port(): VideoSwitchPort {
    return {
      clock: this.#clock,
      timeline: this.#timeline,
      settings: () => this.#settings,
      mode: () => this.#mode,
      scene: () => ({
        who: this.#seen(),
        slate: this.#hostWatch.presence === 'gone',
      }),
      feedMixer: () => this.#feedMixer(),
      mixReady: () => this.#wait.mixReady(),
      hasPictures: (pts) => this.#hostWatch.presence === 'present' && this.#wait.hasPictures(pts),
      videoWait: () => this.#wait.video(),
      backlog: () => usToVideoTicks(this.#nowUs() - this.#heardUs()),
      hostPicturePts: () => this.#stage.host?.input.newestPicturePts,
      hostFlows: () => this.#hostWatch.presence === 'present',
      hostPictureDuration: () => this.#stage.host?.pictureDuration,
      wantHostIdr: () => this.#stage.host?.wantIdr(),
      warmUp: (pts) => this.#stage.use((mixer) => mixer.advance(pts)),
      render: (pts, options) => this.#stage.use((mixer) => mixer.renderVideo(pts, options)),
      begin: (pts) => this.#audio.begin(pts),
      changed: (change) => this.#changed(change),
    };
  }

  #feedMixer(): number {
    for (const participant of this.#stage.participants) this.#stage.feedPictures(participant);
    const starts = this.#wait
      .sendingPictures()
      .map((participant) => (participant.gop.startPts ?? Infinity) + this.#stage.offsetOf(participant));
    return Math.min(this.#timeline.lastVideoPts, ...starts);
  }
}
