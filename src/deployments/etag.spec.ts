import fc from 'fast-check';
import { etagOf, matchFault } from './etag';

const codeOf = (ifMatch: string | null, version = 3): string | undefined => matchFault(ifMatch, version)?.code;

describe('matchFault', () => {
  it.each([
    null,
    '*',
    ' * ',
    '"3"',
    ' "3" ',
    '"1", "3"',
    '"1","3","5"',
    '"3",',
    ',"3"',
    '"1",, "3"',
    '"a b", W/"3" , "3"'.replace(' b', 'b'),
  ])('lets %j pass', (ifMatch) => {
    expect(codeOf(ifMatch)).toBeUndefined();
  });

  it.each(['"2"', '""', 'W/"3"', '"03"', '"1", "2"', '"*"'])('does not let %j pass, and tells the current tag', (ifMatch) => {
    expect(matchFault(ifMatch, 3)).toMatchObject({ code: 'precondition_failed', extensions: { members: { etag: '"3"' } } });
  });

  it.each(['', '3', '"3', "'3'", '"3" "4"', ',', '*, "3"', 'w/"3"', '"3\u0000"'])('finds no tags in %j', (ifMatch) => {
    expect(codeOf(ifMatch)).toBe('invalid_request');
  });

  it('lets a tag pass exactly for its own version', () => {
    const version = fc.nat({ max: 50 });
    fc.assert(fc.property(version, version, (read, now) => expect(codeOf(etagOf(read), now) === undefined).toBe(read === now)));
  });

  it('takes no long time for a hostile header', () => {
    const begin = performance.now();
    expect(codeOf(`${'"a" ,'.repeat(3_000)}!`)).toBe('invalid_request');
    expect(codeOf(`"a"${' '.repeat(15_000)}!`)).toBe('invalid_request');
    expect(performance.now() - begin).toBeLessThan(200);
  });
});
