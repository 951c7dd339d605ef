import { purgeBlocks, type PurgeFacts } from './purge-block';

const due: PurgeFacts = {
  deleted: true,
  purgeAt: new Date('2026-01-01T00:00:00.000Z'),
  due: true,
  legalHold: false,
  openReplicas: 0,
  openReservations: 0,
  openDeletions: 0,
};
const codes = (over: Partial<PurgeFacts>, overrideRetention = false): string[] =>
  purgeBlocks({ ...due, ...over }, overrideRetention).map(({ code }) => code);

describe('purgeBlocks', () => {
  it('is empty for a deleted deployment whose time has come and which holds nothing', () => {
    expect(codes({})).toEqual([]);
  });

  it('says what is in the way, the gravest first', () => {
    expect(codes({ deleted: false, due: false, purgeAt: null })).toEqual(['not_deleted']);
    expect(codes({ due: false })).toEqual(['retention_not_over']);
    expect(codes({ purgeAt: null, due: false })).toEqual(['retention_not_over']);
    expect(codes({ legalHold: true, openReplicas: 1, due: false })).toEqual(['legal_hold', 'teardown_open', 'retention_not_over']);
  });

  it.each(['openReplicas', 'openReservations', 'openDeletions'] as const)('waits for %s', (what) => {
    const [block] = purgeBlocks({ ...due, [what]: 2 }, true);
    expect(block?.code).toBe('teardown_open');
  });

  it('lets an override lift the retention and nothing else', () => {
    expect(codes({ due: false }, true)).toEqual([]);
    expect(codes({ due: false, purgeAt: null }, true)).toEqual([]);
    expect(codes({ deleted: false }, true)).toEqual(['not_deleted']);
    expect(codes({ due: false, legalHold: true }, true)).toEqual(['legal_hold']);
  });
});
