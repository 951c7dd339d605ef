import fc from 'fast-check';
import { CLASSES, Ranking } from './ranking';

const walk = (ranking: Ranking, region: number): number[] => {
  const seen: number[] = [];
  for (let place = ranking.best(region); place !== -1; place = ranking.after(place)) seen.push(place);
  return seen;
};

describe('the ranking of nodes', () => {
  it('shows each node of a region once, never a better one behind a worse one, whatever changes there were', () => {
    const goodness = fc.integer({ min: 0, max: CLASSES - 1 });
    const changes = fc.array(fc.record({ node: fc.nat(29), to: goodness }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.array(goodness, { minLength: 30, maxLength: 30 }), changes, (start, moves) => {
        const ranking = new Ranking(start.length, 3);
        const now = [...start];
        start.forEach((value, node) => ranking.add(node, node % 3, value));
        for (const { node, to } of moves) {
          ranking.update(node, to);
          now[node] = to;
        }
        for (const region of [0, 1, 2]) {
          const seen = walk(ranking, region);
          expect(seen.toSorted((a, b) => a - b)).toEqual(now.flatMap((_, node) => (node % 3 === region ? [node] : [])));
          expect(seen.every((node, index) => index === 0 || (now[node] ?? 0) <= (now[seen[index - 1] ?? 0] ?? 0))).toBe(true);
        }
      }),
    );
  });

  it('has nothing to show of a region without nodes', () => {
    expect(walk(new Ranking(0, 1), 0)).toEqual([]);
  });

  it('puts a node that changes its class behind the others there, so that the same one is not first for ever', () => {
    const ranking = new Ranking(3, 1);
    [5, 5, 4].forEach((value, node) => ranking.add(node, 0, value));
    ranking.update(0, 4);
    expect(walk(ranking, 0)).toEqual([1, 2, 0]);
  });
});
