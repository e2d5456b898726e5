import { describe, expect, it } from 'vitest';
import { asAnchorNetError, errorOfCode, InternalError, MalformedMediaError } from '../../src/base/errors.js';
import { errorLeaves } from '../peers/error-leaves.js';

describe('errors told by another process', () => {
  it.each(errorLeaves())('come back as the leaf they were: $code', ({ code, exitCode }) => {
    const told = errorOfCode({ code, message: 'what happened', hint: 'what to do' });
    expect(told).toMatchObject({ code, exitCode, message: 'what happened', hint: 'what to do' });
  });

  it('say the place of damage once', () => {
    const error = new MalformedMediaError('frame 3 is damaged', { offset: 0x1f });
    expect(errorOfCode(error).message).toBe('frame 3 is damaged (offset 0x1f)');
  });

  it('of no code of ours are defects of ours', () => {
    expect(errorOfCode({ code: 'ENOENT', message: 'gone', hint: undefined })).toBeInstanceOf(InternalError);
    expect(asAnchorNetError('just a word')).toBeInstanceOf(InternalError);
  });
});
