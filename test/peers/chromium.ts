import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { TempDir } from './temp-dir.js';

export interface ChromiumOptions {
  /** What the fake camera shows, in a loop: `.mjpeg` or `.y4m`. Without it, Chromium's own test picture. */
  readonly camera?: string;
  /** What the fake microphone hears, in a loop: `.wav`. Without it, Chromium's own beeps. */
  readonly microphone?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** More command line flags. */
  readonly flags?: readonly string[];
}

/** A headless Chromium with a camera and a microphone that need no permission, in a profile of its own. */
export class Chromium {
  readonly #profile: TempDir;
  readonly #context: BrowserContext;
  /** What the pages wrote to their consoles as errors, and what they threw. */
  readonly errors: string[] = [];

  private constructor(profile: TempDir, context: BrowserContext) {
    this.#profile = profile;
    this.#context = context;
  }

  static async open(options: ChromiumOptions = {}): Promise<Chromium> {
    const profile = await TempDir.open('chromium');
    try {
      const context = await chromium.launchPersistentContext(profile.path, {
        executablePath: '/usr/bin/chromium',
        headless: true,
        viewport: options.viewport ?? { width: 1280, height: 800 },
        permissions: ['camera', 'microphone'],
        args: flagsOf(options),
      });
      const browser = new Chromium(profile, context);
      context.on('page', (page) => browser.#watch(page));
      return browser;
    } catch (error) {
      await profile.close();
      throw error;
    }
  }

  /** Opens a page; `initScript` runs in it before any script of its own. */
  async page(url: string, initScript?: string): Promise<Page> {
    const page = await this.#context.newPage();
    if (initScript !== undefined) await page.addInitScript(initScript);
    await page.goto(url);
    return page;
  }

  async close(): Promise<void> {
    await this.#context.close();
    await this.#profile.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #watch(page: Page): void {
    page.on('pageerror', (error) => this.errors.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${page.url()}: ${message.text()}`);
    });
  }
}

function flagsOf({ camera, microphone, flags = [] }: ChromiumOptions): string[] {
  return [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--autoplay-policy=no-user-gesture-required',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    ...(camera === undefined ? [] : [`--use-file-for-fake-video-capture=${camera}`]),
    ...(microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphone}`]),
    ...flags,
  ];
}

/** How far the {@link beepAndFlashCamera} of a page fell behind itself: what no server can make good. */
export interface CameraLapses {
  /** Longest time between two pictures. */
  readonly longestStepMs: number;
  /** How often a picture came more than a quarter of a picture late. */
  readonly lateSteps: number;
  /** Latest that a flash was drawn after its beep had begun. */
  readonly latestFlashMs: number;
}

/** Reads the lapses since the last reading. */
export function takeCameraLapses(page: Page): Promise<CameraLapses> {
  return page.evaluate('cameraLapses.taken()');
}

/**
 * An init script that replaces the camera and the microphone by a beep and flash of one instant: a canvas that turns
 * white once a second and a tone that starts with it. Fake capture files cannot serve, because Chromium starts the
 * picture and the sound of them independently.
 */
export function beepAndFlashCamera(beepHz = 1_000, { width, height } = { width: 1280, height: 720 }): string {
  return `(${installBeepAndFlashCamera.toString()})(${beepHz}, ${width}, ${height});`;
}

function installBeepAndFlashCamera(beepHz: number, width: number, height: number): void {
  const lateStepMs = 1.25 * (1000 / 30);
  const none = { longestStepMs: 0, lateSteps: 0, latestFlashMs: 0 };
  let lapses = { ...none };
  Object.assign(globalThis, {
    cameraLapses: {
      taken: (): CameraLapses => {
        const seen = lapses;
        lapses = { ...none };
        return seen;
      },
    },
  });
  navigator.mediaDevices.getUserMedia = async (): Promise<MediaStream> => {
    const audio = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
    await audio.resume();
    const destination = audio.createMediaStreamDestination();
    const gain = audio.createGain();
    gain.gain.value = 0;
    gain.connect(destination);
    const tone = audio.createOscillator();
    tone.frequency.value = beepHz;
    tone.connect(gain);
    tone.start();
    const pilot = audio.createOscillator();
    const pilotGain = audio.createGain();
    pilot.frequency.value = 300;
    pilotGain.gain.value = 0.02;
    pilot.connect(pilotGain).connect(destination);
    pilot.start();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext('2d');
    let [frame, scheduled] = [0, 1];
    let [flashed, drawnAt] = [false, performance.now()];
    const draw = (): void => {
      if (pen === null) return;
      const now = audio.currentTime;
      // Beeps are scheduled ahead on the audio clock; the picture follows that same clock.
      for (; scheduled < now + 2; scheduled++) {
        gain.gain.setValueAtTime(0.5, scheduled);
        gain.gain.setValueAtTime(0, scheduled + 0.1);
      }
      // Half a picture ahead: an edge between two pictures is shown by the nearer one, as with an exposed sensor.
      const shown = now + 1 / 60;
      const flash = shown >= 1 && shown % 1 < 0.1;
      const at = performance.now();
      lapses.longestStepMs = Math.max(lapses.longestStepMs, at - drawnAt);
      if (at - drawnAt > lateStepMs) lapses.lateSteps++;
      drawnAt = at;
      if (flash && !flashed && now % 1 < 0.5) {
        lapses.latestFlashMs = Math.max(lapses.latestFlashMs, (now % 1) * 1_000);
      }
      flashed = flash;
      const shade = 70 + Math.round(20 * Math.sin(frame / 5));
      pen.fillStyle = flash ? 'white' : `rgb(${shade},${shade},90)`;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.fillStyle = 'black';
      pen.fillRect((frame * 8) % canvas.width, height * 0.9, 80, height / 18);
      frame++;
    };
    // Taken as it is drawn: a stream with a rate of its own would take it up to a picture later.
    const stream = canvas.captureStream(0);
    const [camera] = stream.getVideoTracks() as CanvasCaptureMediaStreamTrack[];
    setInterval(() => {
      draw();
      camera?.requestFrame();
    }, 1000 / 30);
    for (const track of destination.stream.getAudioTracks()) stream.addTrack(track);
    return stream;
  };
}
