import { FeedPlaces } from './feed-places';

describe('the places of event streams', () => {
  const fill = (places: FeedPlaces, users: number, ended: string[]): void => {
    for (let n = 0; n < 1_000; n++) {
      const name = `user-${String(n % users)}`;
      places.take(name, () => ended.push(`${name} ${String(n)}`));
    }
  };

  it('are ten for a user, and one that is given back can be taken again', () => {
    const places = new FeedPlaces();
    const giveBack = Array.from({ length: 10 }, () => places.take('ada', () => undefined));
    expect(() => places.take('ada', () => undefined)).toThrow('10 event streams open already');
    giveBack[3]!();
    giveBack[3]!();
    places.take('ada', () => undefined);
    expect(() => places.take('ada', () => undefined)).toThrow('10 event streams open already');
  });

  it('are shared: when a hundred users have taken all, another one still gets as many as they have', () => {
    const places = new FeedPlaces();
    const ended: string[] = [];
    fill(places, 100, ended);
    for (let n = 0; n < 9; n++) places.take('newcomer', () => ended.push('newcomer'));
    expect(ended).toHaveLength(9);
    expect(ended[0]).toBe('user-0 0');
    expect(new Set(ended.map((each) => each.split(' ')[0])).size).toBe(9);
    expect(() => places.take('newcomer', () => undefined)).toThrow('Too many event streams are open');
  });

  it('are refused when nobody has more than the newcomer would', () => {
    const places = new FeedPlaces();
    fill(places, 1_000, []);
    expect(() => places.take('newcomer', () => undefined)).toThrow('Too many event streams are open');
  });
});
