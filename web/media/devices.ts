import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface DeviceChoice {
  readonly cameraId: string;
  readonly microphoneId: string;
}

export interface Capture {
  readonly stream: MediaStream | undefined;
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
  readonly choice: DeviceChoice;
  readonly problem: string | undefined;
  readonly cameraOn: boolean;
  readonly microphoneOn: boolean;
  readonly choose: (change: Partial<DeviceChoice>) => void;
  readonly setCameraOn: (on: boolean) => void;
  readonly setMicrophoneOn: (on: boolean) => void;
  readonly retry: () => void;
}

export interface CaptureSize {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

const REMEMBERED = 'anchornet:devices';

/** Camera and microphone: opened, listed, changed, switched off; with a reason when there are none. */
export function useCapture(size: CaptureSize, enabled = true): Capture {
  const [stream, setStream] = useState<MediaStream>();
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  const [choice, setChoice] = useState<DeviceChoice>(remembered);
  const [problem, setProblem] = useState<string>();
  const [cameraOn, setCameraOn] = useState(true);
  const [microphoneOn, setMicrophoneOn] = useState(true);
  const [attempt, setAttempt] = useState(0);
  const current = useRef<MediaStream | undefined>(undefined);

  useEffect(() => {
    if (!enabled) return;
    let stale = false;
    void open(size, choice).then(
      async (opened) => {
        if (stale) return stop(opened);
        stop(current.current);
        current.current = opened;
        setStream(opened);
        setProblem(undefined);
        setDevices(await navigator.mediaDevices.enumerateDevices());
      },
      (error: unknown) => {
        if (!stale) setProblem(explain(error));
      },
    );
    return () => (stale = true);
  }, [enabled, choice, attempt, size.width, size.height, size.fps]);

  useEffect(() => () => stop(current.current), []);
  useEffect(() => {
    for (const track of stream?.getVideoTracks() ?? []) track.enabled = cameraOn;
    for (const track of stream?.getAudioTracks() ?? []) track.enabled = microphoneOn;
  }, [stream, cameraOn, microphoneOn]);
  useEffect(() => {
    const refresh = (): void => void navigator.mediaDevices?.enumerateDevices().then(setDevices);
    navigator.mediaDevices?.addEventListener('devicechange', refresh);
    return () => navigator.mediaDevices?.removeEventListener('devicechange', refresh);
  }, []);

  const choose = useCallback((change: Partial<DeviceChoice>) => {
    setChoice((before) => {
      const next = { ...before, ...change };
      localStorage.setItem(REMEMBERED, JSON.stringify(next));
      return next;
    });
  }, []);
  return {
    stream,
    cameras: devices.filter(({ kind }) => kind === 'videoinput'),
    microphones: devices.filter(({ kind }) => kind === 'audioinput'),
    choice,
    problem,
    cameraOn,
    microphoneOn,
    choose,
    setCameraOn,
    setMicrophoneOn,
    retry: () => setAttempt((count) => count + 1),
  };
}

async function open(size: CaptureSize, choice: DeviceChoice): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new DOMException('', 'SecurityError');
  const { cameraId, microphoneId } = choice;
  const audio = {
    ...(microphoneId === '' ? {} : { deviceId: { exact: microphoneId } }),
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  };
  const video = {
    // A mere wish loses to the size: the browser would take another camera that has it.
    ...(cameraId === '' ? {} : { deviceId: { exact: cameraId } }),
    width: { ideal: size.width },
    height: { ideal: size.height },
    frameRate: { ideal: size.fps, max: size.fps },
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video });
  } catch (error) {
    // What was chosen last time may be unplugged today.
    const isGone = ['OverconstrainedError', 'NotFoundError'].includes((error as Error).name);
    if (isGone && (cameraId !== '' || microphoneId !== '')) {
      return open(size, { cameraId: '', microphoneId: '' });
    }
    // A machine with a microphone alone can still take part.
    if (error instanceof DOMException && error.name === 'NotFoundError') {
      return navigator.mediaDevices.getUserMedia({ audio });
    }
    throw error;
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function remembered(): DeviceChoice {
  try {
    const kept = JSON.parse(localStorage.getItem(REMEMBERED) ?? '{}') as Partial<DeviceChoice>;
    return { cameraId: kept.cameraId ?? '', microphoneId: kept.microphoneId ?? '' };
  } catch {
    return { cameraId: '', microphoneId: '' };
  }
}

function explain(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError') {
    return 'The browser was not allowed to use the camera. Allow it in the address bar, then try again.';
  }
  if (name === 'NotFoundError') return 'No camera or microphone was found. Plug one in, then try again.';
  if (name === 'NotReadableError') return 'Another program is using the camera. Close it, then try again.';
  if (name === 'SecurityError')
    return 'Cameras work only on https:// or on this computer itself (localhost).';
  return error instanceof Error ? error.message : String(error);
}
