import { UserPlaces } from './user-places';

describe('UserPlaces', () => {
  it('gives one user so many places, and others theirs all the same', () => {
    const places = new UserPlaces(2);
    expect(['ada', 'ada', 'ada', 'eve'].map((user) => places.enter(user))).toEqual([true, true, false, true]);
    places.leave('ada');
    expect([places.enter('ada'), places.enter('ada')]).toEqual([true, false]);
  });

  it('tells whoever has a place that others of the same user wait, until one is left', () => {
    const places = new UserPlaces(1);
    places.enter('ada');
    expect(places.enter('ada')).toBe(false);
    places.enter('eve');
    expect([places.isCrowded('eve'), places.isCrowded('ada')]).toEqual([false, true]);
    places.leave('ada');
    expect(places.isCrowded('ada')).toBe(false);
  });
});
