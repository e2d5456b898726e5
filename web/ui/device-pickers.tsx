import type { JSX } from 'preact';
import type { Capture } from '../media/devices.js';
import { Notice } from './chrome.js';
import { Icon, type IconName } from './icons.js';
import { LevelMeter } from './video.js';

/** Which camera, which microphone, and whether it hears anything. */
export function DevicePickers({ capture }: { capture: Capture }): JSX.Element {
  const { cameras, microphones, choice, stream } = capture;
  return (
    <div class="stack">
      <Picker
        label="Camera"
        devices={cameras}
        active={stream?.getVideoTracks()[0]?.label}
        value={choice.cameraId}
        onChange={(cameraId) => capture.choose({ cameraId })}
      />
      <Picker
        label="Microphone"
        devices={microphones}
        active={stream?.getAudioTracks()[0]?.label}
        value={choice.microphoneId}
        onChange={(microphoneId) => capture.choose({ microphoneId })}
      />
      <LevelMeter stream={stream} />
    </div>
  );
}

/** Why there is no camera, if so, and the way to ask for it again. */
export function CaptureProblem({ capture, hint }: { capture: Capture; hint?: string }): JSX.Element | null {
  const { problem, retry } = capture;
  if (problem === undefined) return null;
  return (
    <Notice message={problem} hint={hint}>
      <button type="button" class="button compact" onClick={retry}>
        Try again
      </button>
    </Notice>
  );
}

function Picker({
  label,
  devices,
  active,
  value,
  onChange,
}: {
  label: string;
  devices: readonly MediaDeviceInfo[];
  /** What the default turned out to be. */
  active: string | undefined;
  value: string;
  onChange: (deviceId: string) => void;
}): JSX.Element {
  return (
    <label class="field">
      <span>{label}</span>
      <select
        class="input"
        value={devices.some(({ deviceId }) => deviceId === value) ? value : ''}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        <option value="">{active === undefined || value !== '' ? 'Default' : `Default – ${active}`}</option>
        {devices
          .filter(({ deviceId }) => deviceId !== '' && deviceId !== 'default')
          .map(({ deviceId, label: name }, index) => (
            <option key={deviceId} value={deviceId}>
              {name === '' ? `${label} ${index + 1}` : name}
            </option>
          ))}
      </select>
    </label>
  );
}

/** Round buttons under a picture: microphone and camera on and off. */
export function CaptureButtons({ capture }: { capture: Capture }): JSX.Element {
  const { microphoneOn, cameraOn } = capture;
  return (
    <>
      <Toggle
        on={microphoneOn}
        icons={['mic', 'micOff']}
        label={microphoneOn ? 'Turn the microphone off' : 'Turn the microphone on'}
        onClick={() => capture.setMicrophoneOn(!microphoneOn)}
      />
      <Toggle
        on={cameraOn}
        icons={['camera', 'cameraOff']}
        label={cameraOn ? 'Turn the camera off' : 'Turn the camera on'}
        onClick={() => capture.setCameraOn(!cameraOn)}
      />
    </>
  );
}

function Toggle({
  on,
  icons,
  label,
  onClick,
}: {
  on: boolean;
  icons: readonly [IconName, IconName];
  label: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      class={`button round ${on ? '' : 'off'}`}
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      <Icon name={on ? icons[0] : icons[1]} />
    </button>
  );
}
