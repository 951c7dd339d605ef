import { visibleTo, whoseToList } from './visibility';

const ADA = { userId: 'a0000000-0000-4000-8000-000000000000', isAdmin: false };
const ROOT = { userId: 'b0000000-0000-4000-8000-000000000000', isAdmin: true };

describe('who sees what', () => {
  it('lets users see their own rows, and administrators all', () => {
    expect(visibleTo('d', '$2', '$3')).toBe('(d.user_id = $2 OR $3)');
  });

  it('lists the own rows unless others are asked for', () => {
    expect(whoseToList({ all: false }, ADA, 'list the things')).toBe(ADA.userId);
    expect(whoseToList({ userId: ADA.userId.toUpperCase(), all: false }, ADA, 'list the things')).toBe(ADA.userId);
    expect(whoseToList({ all: false }, ROOT, 'list the things')).toBe(ROOT.userId);
  });

  it('lists those of another user, or of all, for administrators only', () => {
    expect(whoseToList({ userId: ADA.userId.toUpperCase(), all: false }, ROOT, 'list the things')).toBe(ADA.userId);
    expect(whoseToList({ all: true }, ROOT, 'list the things')).toBeNull();
    for (const asked of [{ all: true }, { userId: ROOT.userId, all: false }, { userId: ADA.userId, all: true }])
      expect(() => whoseToList(asked, ADA, 'list the things')).toThrow('Only administrators may list the things of others');
  });
});
