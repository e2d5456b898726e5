/**
 * The error taxonomy. A leaf says whose turn it is to act: the caller (option, media, state), the remote end
 * (destination), the machine (native), or us (internal). Each has its own process exit code.
 */
export interface ErrorDetails {
  /** What the user can do next, in one sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export abstract class AnchorNetError extends Error {
  /** Stable machine-readable code, e.g. `INVALID_OPTION`. */
  abstract readonly code: string;
  /** Exit code of a command that ends with this error. */
  abstract readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.hint = details.hint;
  }
}

/** An option, argument or request field is wrong: the caller can mend it. */
export class InvalidOptionError extends AnchorNetError {
  readonly code = 'INVALID_OPTION';
  readonly exitCode = 2;
}

/** The media is well-formed, but of a kind that is not supported here. */
export class UnsupportedMediaError extends AnchorNetError {
  readonly code = 'UNSUPPORTED_MEDIA';
  readonly exitCode = 3;
}

/** The bytes break their own format's rules. `offset` is in bytes from the start of the parsed input. */
export class MalformedMediaError extends AnchorNetError {
  readonly code = 'MALFORMED_MEDIA';
  readonly exitCode = 4;
  readonly offset: number | undefined;

  constructor(message: string, details: ErrorDetails & { readonly offset?: number } = {}) {
    super(
      details.offset === undefined ? message : `${message} (offset 0x${details.offset.toString(16)})`,
      details,
    );
    this.offset = details.offset;
  }
}

/** The remote end or the network between failed. */
export class DestinationError extends AnchorNetError {
  readonly code = 'DESTINATION_FAILED';
  readonly exitCode = 5;
}

/** A native library or a child program failed. */
export class NativeError extends AnchorNetError {
  readonly code = 'NATIVE_FAILED';
  readonly exitCode = 6;
}

/** The call does not fit the present state, e.g. collab mode without a guest. */
export class InvalidStateError extends AnchorNetError {
  readonly code = 'INVALID_STATE';
  readonly exitCode = 7;
}

/** Stopped by the caller's signal. 130 is the shell's convention for an interrupt. */
export class CancelledError extends AnchorNetError {
  readonly code = 'CANCELLED';
  readonly exitCode = 130;
}

/** A defect of ours. */
export class InternalError extends AnchorNetError {
  readonly code = 'INTERNAL';
  readonly exitCode = 70;
}

const leaves = [
  InvalidOptionError,
  UnsupportedMediaError,
  MalformedMediaError,
  DestinationError,
  NativeError,
  InvalidStateError,
  CancelledError,
] as const;

/** An error as it travels from one process to another; its message already holds what its details say. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The error that another process told of. */
export function errorOfCode({ code, message, hint }: ToldError): AnchorNetError {
  for (const Leaf of leaves) {
    const error = new Leaf(message, { hint });
    if (error.code === code) return error;
  }
  return new InternalError(message, { hint });
}

/** Any thrown value as one of the taxonomy; what is not ours becomes an {@link InternalError} with its cause kept. */
export function asAnchorNetError(thrown: unknown): AnchorNetError {
  if (thrown instanceof AnchorNetError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError')
    return new CancelledError('cancelled', { cause: thrown });
  return new InternalError(thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
