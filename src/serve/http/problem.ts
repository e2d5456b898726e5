import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { AnchorNetError } from '../../base/errors.js';
import { asAnchorNetError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';
import { OversizedOfferError, TooManyConnectionsError } from '../../webrtc/errors.js';

/** A refusal that is HTTP's own business: credentials, preconditions, content types, rates. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    details: { code: string; hint?: string; headers?: Record<string, string> },
  ) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = details.code;
    this.hint = details.hint;
    this.headers = details.headers ?? {};
  }
}

/** RFC 9457, with the taxonomy's code and hint. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint?: string;
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  INVALID_OPTION: 400,
  MALFORMED_MEDIA: 400,
  NOT_FOUND: 404,
  INVALID_STATE: 409,
  UNSUPPORTED_MEDIA: 422,
  DESTINATION_FAILED: 502,
  CANCELLED: 503,
};

/** Answers any thrown value as a problem document. What is our fault is logged in full and told in one line. */
export function sendProblem(thrown: unknown, reply: FastifyReply, logger: Logger): FastifyReply {
  if (thrown instanceof HttpError) {
    return send(reply.headers(thrown.headers), thrown.status, thrown);
  }
  const refused = refusedByFramework(thrown);
  if (refused !== undefined) return send(reply, refused.status, refused);
  const error = asAnchorNetError(thrown);
  const status = statusOf(error);
  if (status === 503) void reply.header('retry-after', '2');
  if (status !== 500) return send(reply, status, error);
  logger.error({ err: error, route: reply.request.routeOptions.url }, 'request failed');
  return send(reply, status, {
    code: error.code,
    message: 'something went wrong on our side',
    hint: 'The server log has the details.',
  });
}

export function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return send(reply, 404, {
    code: 'NOT_FOUND',
    message: `nothing answers ${request.method} here`,
    hint: 'The API is described at /api/docs.',
  });
}

function statusOf(error: AnchorNetError): number {
  if (error instanceof OversizedOfferError) return 413;
  if (error instanceof TooManyConnectionsError) return 429;
  return STATUS_OF_CODE[error.code] ?? 500;
}

/** Body too large, not JSON, schema violated: Fastify's own errors carry their status. */
function refusedByFramework(thrown: unknown): { status: number; code: string; message: string } | undefined {
  const { statusCode, code, message, validation, validationContext } = thrown as Partial<FastifyError>;
  if (statusCode === undefined || statusCode >= 500) return undefined;
  if (validation !== undefined) {
    const issue = validation[0];
    const where = `${validationContext ?? 'request'}${issue?.instancePath.replaceAll('/', '.') ?? ''}`;
    const extra = issue?.params['additionalProperty'] ?? issue?.params['allowedValues'];
    const suffix = extra === undefined ? '' : ` (${JSON.stringify(extra)})`;
    return {
      status: statusCode,
      code: 'INVALID_OPTION',
      message: `${where}: ${issue?.message ?? 'is not valid'}${suffix}`,
    };
  }
  return { status: statusCode, code: code ?? 'INVALID_OPTION', message: message ?? 'bad request' };
}

function send(
  reply: FastifyReply,
  status: number,
  error: { readonly code: string; readonly message: string; readonly hint?: string | undefined },
): FastifyReply {
  const problem: Problem = {
    type: `urn:anchornet:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
  // Serialised here: Fastify would add a charset, which this type does not define (RFC 9457 §6.1).
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem);
}
