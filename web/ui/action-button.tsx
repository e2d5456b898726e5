import type { ComponentProps, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Whether something asked for is still under way, and a way to ask once at a time. */
export function useBusy(): [busy: boolean, run: (action: () => Promise<unknown>) => void] {
  const [busy, setBusy] = useState(false);
  const gone = useRef(false);
  useEffect(() => () => void (gone.current = true), []);
  const run = (action: () => Promise<unknown>): void => {
    if (busy) return;
    setBusy(true);
    void action().finally(() => {
      if (!gone.current) setBusy(false);
    });
  };
  return [busy, run];
}

/** A button that shows that it is at work and takes no second press. @param action must tell of its own failure */
export function ActionButton({
  action,
  disabled,
  ...rest
}: Omit<ComponentProps<'button'>, 'action'> & { action: () => Promise<unknown> }): JSX.Element {
  const [busy, run] = useBusy();
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true}
      aria-busy={busy}
      onClick={() => run(action)}
    />
  );
}
