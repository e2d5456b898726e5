import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RoomView } from '../../src/serve/room-api.js';
import { Icon, Logo, type IconName } from './icons.js';

/** The bar on top of every page. */
export function TopBar({
  title,
  children,
  home = true,
}: {
  title?: string | undefined;
  children?: ComponentChildren;
  home?: boolean;
}): JSX.Element {
  useEffect(() => {
    const [page] = document.title.split(' · ').slice(-2);
    if (title !== undefined) document.title = `${title} · ${page} · AnchorNet`;
  }, [title]);
  const brand = (
    <>
      <Logo />
      <span class="brand-name">AnchorNet</span>
    </>
  );
  return (
    <header class="topbar">
      {home ? (
        <a class="brand" href="/">
          {brand}
        </a>
      ) : (
        <span class="brand">{brand}</span>
      )}
      {title !== undefined && (
        <>
          <span class="divider" />
          <h1 title={title}>{title}</h1>
        </>
      )}
      {children}
    </header>
  );
}

const STATE_TEXT = {
  idle: ['Off air', ''],
  live: ['Live', 'live'],
  collab: ['Collab', 'collab'],
  switching: ['Switching', 'warn'],
  slate: ['Host away', 'warn'],
} as const;

/** Before the host's first picture the program shows the slate too, but nobody is away yet. */
export function isStarting(room: Pick<RoomView, 'source' | 'program'>): boolean {
  return room.source === 'slate' && room.program.timeline.every(({ source }) => source === 'slate');
}

export function StatePill({ room }: { room: Pick<RoomView, 'state' | 'source' | 'program'> }): JSX.Element {
  const [text, kind] = isStarting(room) ? (['Starting', 'warn'] as const) : STATE_TEXT[room.state];
  return <span class={`pill ${kind}`}>{text}</span>;
}

export function Notice({
  kind = 'bad',
  message,
  hint,
  children,
}: {
  kind?: 'bad' | 'warn' | 'info';
  message: string;
  hint?: string | undefined;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      <Icon name={kind === 'info' ? 'broadcast' : 'alert'} />
      <div class="grow">
        {message}
        {hint !== undefined && <small>{hint}</small>}
      </div>
      {children}
    </div>
  );
}

/** What fills a page that has nothing else to show. */
export function Message({
  icon,
  title,
  children,
}: {
  icon?: IconName;
  title: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="center">
      <div class="card empty">
        {icon === undefined ? <div class="spinner" /> : <Icon name={icon} />}
        <h1>{title}</h1>
        {children}
      </div>
    </div>
  );
}

/** The present time, ticking each second: for uptimes. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
