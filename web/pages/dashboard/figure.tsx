import type { JSX } from 'preact';

/** One number, and what it counts. */
export function Figure({ value, label }: { value: string; label: string }): JSX.Element {
  return (
    <div class="figure">
      <b>{value}</b>
      <span>{label}</span>
    </div>
  );
}
