import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { watchLevel } from '../media/level.js';
import { initials, nameColour } from './format.js';

/** A `<video>` fed by a stream. */
export function StreamVideo({
  stream,
  muted = false,
  mirrored = false,
  label,
  onPicture,
}: {
  stream: MediaStream | undefined;
  muted?: boolean;
  mirrored?: boolean;
  label: string;
  /** Whether there is a picture to see: not before the first has come, nor of audio alone. */
  onPicture?: (isThere: boolean) => void;
}): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (video === null) return;
    if (video.srcObject !== (stream ?? null)) video.srcObject = stream ?? null;
    // Set by hand: browsers look at the property when deciding whether autoplay is allowed.
    video.muted = muted;
    if (stream !== undefined) void video.play().catch(() => undefined);
  }, [stream, muted]);
  const look = (): void => onPicture?.((element.current?.videoWidth ?? 0) > 0);
  return (
    <video
      ref={element}
      class={mirrored ? 'mirrored' : ''}
      autoplay
      playsinline
      aria-label={label}
      onLoadedData={look}
      onResize={look}
      onEmptied={look}
    />
  );
}

/** A picture frame with a name, a place for badges, and something to show when there is no picture. */
export function Tile({
  name,
  icon,
  stream,
  muted = true,
  mirrored = false,
  whole = false,
  onAir = false,
  placeholder,
  covered = false,
  children,
}: {
  name: string;
  icon?: ComponentChildren;
  stream: MediaStream | undefined;
  muted?: boolean;
  mirrored?: boolean;
  whole?: boolean;
  onAir?: boolean;
  /** Shown while there is no picture. */
  placeholder: ComponentChildren;
  /** Shows the placeholder though there may be a picture. */
  covered?: boolean;
  children?: ComponentChildren;
}): JSX.Element {
  const [hasPicture, setHasPicture] = useState(false);
  return (
    <div class={`tile ${whole ? 'whole' : ''}`} data-onair={onAir}>
      <StreamVideo stream={stream} muted={muted} mirrored={mirrored} label={name} onPicture={setHasPicture} />
      {(covered || !hasPicture) && <div class="placeholder">{placeholder}</div>}
      {children}
      <span class="label">
        {icon}
        <span class="ellipsis" title={name}>
          {name}
        </span>
      </span>
    </div>
  );
}

export function Avatar({ name, large = false }: { name: string; large?: boolean }): JSX.Element {
  return (
    <span
      class={`avatar ${large ? 'large' : ''}`}
      style={{ background: nameColour(name) }}
      aria-hidden="true"
    >
      {initials(name)}
    </span>
  );
}

/** How loud a stream is. Painted past the framework: it moves sixteen times a second. */
export function LevelMeter({ stream }: { stream: MediaStream | undefined }): JSX.Element {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    if (stream === undefined) return;
    return watchLevel(stream, (level) => {
      if (bar.current !== null) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
    });
  }, [stream]);
  return (
    <div class="meter" role="img" aria-label="Microphone level">
      <i ref={bar} />
    </div>
  );
}
