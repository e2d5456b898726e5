import type { JSX } from 'preact';
import { useCallback, useState } from 'preact/hooks';
import { describeError } from '../api/client.js';
import { Notice } from './chrome.js';

const SHOWN_MS = 6_000;
const MOST_AT_ONCE = 4;

interface Toast {
  readonly id: number;
  readonly kind: 'bad' | 'warn' | 'info';
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface Toasts {
  readonly shown: JSX.Element;
  say(message: string, kind?: Toast['kind']): void;
  /** Waits for something and tells when it fails. Never rejects. */
  attempt(action: Promise<unknown>): Promise<void>;
}

let nextId = 1;

/** Short messages in the corner. */
export function useToasts(): Toasts {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const add = useCallback((toast: Omit<Toast, 'id'>) => {
    const id = nextId++;
    setToasts((before) => [...before, { id, ...toast }].slice(-MOST_AT_ONCE));
    setTimeout(() => setToasts((before) => before.filter((one) => one.id !== id)), SHOWN_MS);
  }, []);
  return {
    shown: (
      <div class="toasts" aria-live="polite">
        {toasts.map(({ id, ...toast }) => (
          <Notice key={id} {...toast} />
        ))}
      </div>
    ),
    say: (message, kind = 'info') => add({ message, kind }),
    attempt: (action) =>
      action.then(
        () => undefined,
        (error: unknown) => add({ kind: 'bad', ...describeError(error) }),
      ),
  };
}

/** Puts a text on the clipboard. @throws when the browser refuses */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  // Plain http beyond localhost has no clipboard API.
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error(`copy it by hand: ${text}`);
}
