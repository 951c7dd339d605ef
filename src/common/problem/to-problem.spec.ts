import { BadRequestException, HttpException, InternalServerErrorException, NotFoundException } from '@nestjs/common';
import { PROBLEMS, type ProblemCode } from './catalog';
import { DomainError } from './domain-error';
import { toProblem } from './to-problem';

const none = { readDatabaseError: () => undefined };
const fastifyError = (statusCode: number): Error => Object.assign(new Error('FST: /secret/path'), { code: 'FST_ERR_X', statusCode });

describe('toProblem', () => {
  it('keeps the words, faults and further members of a DomainError', () => {
    const errors = [{ pointer: '/name', detail: 'x' }];
    const { problem, headers } = toProblem(
      new DomainError('account_locked', 'Locked.', { retryAfterSeconds: 30, errors, members: { deleted_at: 'then', status: 1 } }),
      none,
    );
    expect(problem).toEqual({
      type: 'urn:fog-compute:problem:account_locked',
      title: PROBLEMS.account_locked.title,
      status: 423,
      detail: 'Locked.',
      code: 'account_locked',
      errors,
      deleted_at: 'then',
    });
    expect(headers).toEqual({ 'Retry-After': '30' });
  });

  it.each([
    [new NotFoundException('Cannot GET /x'), 404, 'not_found'],
    [new BadRequestException('SELECT 1'), 400, 'invalid_request'],
    [new HttpException('x', 418), 400, 'invalid_request'],
    [fastifyError(413), 413, 'payload_too_large'],
    [fastifyError(415), 415, 'unsupported_media_type'],
    [fastifyError(400), 400, 'invalid_request'],
    [fastifyError(500), 500, 'internal'],
    [new InternalServerErrorException('boom'), 500, 'internal'],
    [Object.assign(new Error('engine said no'), { statusCode: 409 }), 500, 'internal'],
    [new Error('SELECT secret FROM t'), 500, 'internal'],
    ['a string', 500, 'internal'],
    [undefined, 500, 'internal'],
  ])('maps %p without its own words', (error, status, code) => {
    const { problem } = toProblem(error, none);
    expect([problem.status, problem.code]).toEqual([status, code]);
    expect(JSON.stringify(problem)).not.toMatch(/SELECT|boom|secret|engine|Cannot/);
  });

  it('begins a 500 with the words of the route, and nothing else', () => {
    const words = { ...none, failureWords: 'Deletion failed' };
    expect(toProblem(new Error('x'), words).problem.detail).toBe(
      'Deletion failed: an internal error occurred. Report the request id to your administrator.',
    );
    expect(toProblem(new Error('x'), none).problem.detail).toBe('An internal error occurred. Report the request id to your administrator.');
    expect(toProblem(new DomainError('not_found', 'Gone'), words).problem.detail).toBe('Gone');
  });

  it('says when to try again with every code that promises it, also where the error does not know', () => {
    const promising = (Object.keys(PROBLEMS) as ProblemCode[]).filter(
      (code) => PROBLEMS[code].advice.includes('`Retry-After`') || [423, 429, 503].includes(PROBLEMS[code].status),
    );
    expect(promising).toContain('insufficient_nodes');
    for (const code of promising) expect(toProblem(new DomainError(code, 'x'), none).headers['Retry-After']).toMatch(/^[1-9]\d*$/);
  });

  it.each([
    ['unavailable', 503, 'try_again', '2'],
    ['duplicate', 409, 'already_exists', undefined],
    ['bad_value', 400, 'invalid_request', undefined],
  ] as const)('maps a database error that reads as %s', (kind, status, code, retryAfter) => {
    const { problem, headers } = toProblem(new Error('duplicate key value violates'), {
      readDatabaseError: () => kind,
      failureWords: 'x',
    });
    expect([problem.status, problem.code, headers['Retry-After']]).toEqual([status, code, retryAfter]);
    expect(problem.detail).not.toMatch(/violates/);
  });
});
