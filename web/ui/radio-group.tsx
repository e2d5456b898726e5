import type { ComponentChildren, JSX } from 'preact';

export interface RadioOption<Value extends string> {
  readonly value: Value;
  /** What it is called, where its content is a picture. */
  readonly label?: string;
  readonly content: ComponentChildren;
  readonly title?: string | undefined;
  readonly class?: string;
  readonly disabled?: boolean;
  /** Asked for, and not so yet. */
  readonly pending?: boolean;
}

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/**
 * One of a few, and one stop for the Tab key. Arrow keys move between the options and choose nothing by themselves:
 * what is chosen here goes on air (as in a toolbar, WAI-ARIA Authoring Practices, "Radio Group").
 */
export function RadioGroup<Value extends string>({
  label,
  class: name,
  options,
  value,
  onChoose,
}: {
  label: string;
  class: string;
  options: readonly RadioOption<Value>[];
  value: Value | undefined;
  onChoose: (value: Value) => void;
}): JSX.Element {
  const stop = options.find((option) => option.value === value) ?? options.find(({ disabled }) => !disabled);
  const move = (event: KeyboardEvent & { currentTarget: HTMLElement }): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const enabled = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=radio]:enabled')];
    const at = enabled.indexOf(document.activeElement as HTMLElement);
    enabled.at((at + step) % enabled.length)?.focus();
  };
  return (
    <div class={name} role="radiogroup" aria-label={label} onKeyDown={move}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          class={option.class}
          tabIndex={option.value === stop?.value ? 0 : -1}
          aria-checked={option.value === value}
          aria-label={option.label}
          data-pending={option.pending}
          disabled={option.disabled}
          title={option.title}
          onClick={() => onChoose(option.value)}
        >
          {option.content}
        </button>
      ))}
    </div>
  );
}
