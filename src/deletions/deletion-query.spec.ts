import type { DomainError } from '../common/problem/domain-error';
import { readDeletionQuery, type DeletionRequest } from './deletion-query';
import { DeleteQueryDto } from './dto/delete-query.dto';

const read = (query: Partial<DeleteQueryDto> = {}, headers: Parameters<typeof readDeletionQuery>[1] = {}): DeletionRequest =>
  readDeletionQuery(Object.assign(new DeleteQueryDto(), query), headers, { graceSeconds: 10 });

const faultsOf = (query: Partial<DeleteQueryDto>): (string | undefined)[] => {
  try {
    read(query);
    return [];
  } catch (error) {
    return ((error as DomainError).extensions.errors ?? []).map(({ pointer }) => pointer);
  }
};

describe('readDeletionQuery', () => {
  it('has defaults for all: the configured grace, and a wait a little longer', () => {
    expect(read()).toEqual({
      options: { graceSeconds: 10, force: false, keepWarmSeconds: 0, ifMatch: null, operationId: null },
      dryRun: false,
      waitSeconds: 15,
      isAsync: false,
    });
  });

  it('waits for the grace that was asked for, but never longer than a minute', () => {
    expect(read({ grace_seconds: 0 }).waitSeconds).toBe(5);
    expect(read({ grace_seconds: 40 }).waitSeconds).toBe(45);
    expect(read({ grace_seconds: 300 }).waitSeconds).toBe(60);
    expect(read({ grace_seconds: 300, wait: 1 })).toMatchObject({ waitSeconds: 1, options: { graceSeconds: 300 } });
  });

  it('gives no grace to force', () => {
    expect(read({ force: true })).toMatchObject({ waitSeconds: 5, options: { graceSeconds: 0, force: true } });
    expect(read({ force: true, grace_seconds: 0 }).options.graceSeconds).toBe(0);
  });

  it('names every fault at once', () => {
    expect(faultsOf({ keep_warm: 'long' })).toEqual(['keep_warm']);
    expect(faultsOf({ force: true, keep_warm: '10m', grace_seconds: 1 })).toEqual(['keep_warm', 'grace_seconds']);
    expect(faultsOf({ force: true, keep_warm: 'long' })).toEqual(['keep_warm', 'keep_warm']);
  });

  it.each([
    ['respond-async', true],
    ['Respond-Async', true],
    ['wait=10, respond-async; foo="bar"', true],
    [['wait=10', 'respond-async'], true],
    ['respond-async=later', false],
    ['respond-sync', false],
    ['wait=10', false],
    ['', false],
  ])('reads Prefer: %j', (prefer, isAsync) => {
    expect(read({ wait: 30 }, { prefer })).toMatchObject({ isAsync, waitSeconds: isAsync ? 0 : 30 });
  });
});
