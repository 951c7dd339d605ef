import fc from 'fast-check';
import { offsetNeighbours, pageHeaders } from './page-headers';

const targets = (link: string | undefined): Record<string, string> =>
  Object.fromEntries([...(link ?? '').matchAll(/<([^>]*)>; rel="(\w+)"/g)].map(([, url = '', relation = '']) => [relation, url]));

describe('pageHeaders', () => {
  it('gives no Link when there is one page', () => {
    expect(pageHeaders('/api/list', 3, {})).toEqual({ 'X-Total-Count': '3' });
  });

  it('links to the neighbours with the other parameters kept', () => {
    const headers = pageHeaders('/api/list?name=web&offset=20', 60, { next: { offset: '40' }, prev: { offset: '0' } });
    expect(headers.Link).toBe('</api/list?name=web&offset=40>; rel="next", </api/list?name=web&offset=0>; rel="prev"');
  });

  it('drops the offset of a page that is found by cursor', () => {
    expect(targets(pageHeaders('/api/list?offset=20&limit=5', 60, { next: { cursor: 'abc' } }).Link)).toEqual({
      next: '/api/list?limit=5&cursor=abc',
    });
  });

  it('keeps a parameter that holds a question mark', () => {
    expect(targets(pageHeaders('/api/list?name=a?b&limit=2', 9, { next: { offset: '2' } }).Link)).toEqual({
      next: '/api/list?name=a%3Fb&limit=2&offset=2',
    });
  });

  it('keeps any parameter as it was, and nothing breaks out of the header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const query = new URLSearchParams({ name }).toString();
        const link = pageHeaders(`/api/list?${query}`, 9, { next: { offset: '2' } }).Link ?? '';
        expect(link).toMatch(/^<[\x21-\x3b\x3d\x3f-\x7e]*>; rel="next"$/);
        expect(new URL(targets(link).next ?? '', 'http://host').searchParams.get('name')).toBe(new URLSearchParams(query).get('name'));
      }),
    );
  });
});

describe('offsetNeighbours', () => {
  it.each([
    ['the only page', { limit: 20, offset: 0 }, 20, {}],
    ['the first page', { limit: 20, offset: 0 }, 21, { next: { limit: '20', offset: '20' } }],
    ['a page in the middle', { limit: 10, offset: 15 }, 40, { next: { limit: '10', offset: '25' }, prev: { limit: '10', offset: '5' } }],
    ['the last page', { limit: 10, offset: 35 }, 40, { prev: { limit: '10', offset: '25' } }],
    ['a page before the first full one', { limit: 10, offset: 3 }, 5, { prev: { limit: '10', offset: '0' } }],
    ['a page behind the end', { limit: 10, offset: 1000 }, 25, { prev: { limit: '10', offset: '15' } }],
  ])('knows the neighbours of %s', (_name, page, total, neighbours) => {
    expect(offsetNeighbours(page, total)).toEqual(neighbours);
  });

  it('leads from the first page to each row exactly once', () => {
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.integer({ min: 1, max: 100 }), (total, limit) => {
        let seen = 0;
        for (let offset: number | undefined = 0; offset !== undefined;) {
          expect(offset).toBe(seen);
          seen += Math.min(limit, total - offset);
          const next: Readonly<Record<string, string>> | undefined = offsetNeighbours({ limit, offset }, total).next;
          offset = next && Number(next.offset);
        }
        expect(seen).toBe(total);
      }),
    );
  });
});
