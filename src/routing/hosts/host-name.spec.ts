import fc from 'fast-check';
import { isUnder, ownerLabel, readHost } from './host-name';

const faultOf = (text: string): string | undefined => {
  const read = readHost(text);
  return 'fault' in read ? read.fault : undefined;
};
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/).filter((text) => !text.startsWith('xn--') && !/^..--/.test(text));
const host = fc
  .tuple(fc.array(label, { maxLength: 4 }), fc.stringMatching(/^[a-z]{2,10}$/))
  .map(([labels, top]) => [...labels, top].join('.'));

describe('readHost', () => {
  it.each([
    ['Web.Example.ORG', 'web.example.org'],
    ['web.example.org.', 'web.example.org'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['web。example', 'web.example'],
    ['ｗｅｂ.example', 'web.example'],
    ['localhost', 'localhost'],
    ['1a.2b.example', '1a.2b.example'],
  ])('reads %s as %s', (text, canonical) => expect(readHost(text)).toEqual({ host: canonical }));

  it.each([
    ...[
      '',
      '.',
      'a..b',
      '.a',
      'a.example..',
      '-a.example',
      'a-.example',
      'a_b.example',
      '*.example',
      'a.*',
      'xn--.example',
      'xn--a.example',
    ],
    ...[
      'http://a.example',
      'a.example/',
      'a.example:80',
      'u@a.example',
      'a.example?x',
      'a.example#x',
      'a b.example',
      'a.example\n',
      'a\u0000b.example',
    ],
    ...[
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '[::1]',
      '::1',
      '１２７.0.0.1',
      'a.1',
      'ex%61mple.org',
      'a％41.example',
      'a／b.example',
    ],
    ...['a'.repeat(64), `${'a.'.repeat(127)}toolong`, 'x'.repeat(300)],
  ])('refuses %j', (text) => expect(faultOf(text)).toEqual(expect.any(String)));

  it('gives what reads as itself, in lower case and within the limits, whatever it was given', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.domain(),
      host,
      fc.string({ unit: fc.constantFrom(...'aA.-_*xn1ß。。ｗİ\u200d%') }),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const read = readHost(text);
        if ('fault' in read) return;
        expect(readHost(read.host)).toEqual(read);
        expect(readHost(read.host.toUpperCase())).toEqual(read);
        expect(readHost(`${read.host}.`)).toEqual(read);
        expect(read.host).toMatch(/^[a-z0-9.-]{1,253}$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads every host of RFC 1123 as it is', () => {
    fc.assert(fc.property(host, (text) => expect(readHost(text)).toEqual({ host: text })));
  });
});

describe('ownerLabel', () => {
  const id = fc.uuid();
  const ownerName = fc.oneof(
    fc.stringMatching(/^[a-z0-9_-]{3,50}$/),
    id.map((text) => `u-${text.replaceAll('-', '')}`),
  );

  it('is the user name where that can be a label, and else made of the id', () => {
    const user = { id: '11111111-2222-3333-4444-555555555555' };
    expect(ownerLabel({ ...user, name: 'ada' })).toBe('ada');
    expect(ownerLabel({ ...user, name: 'ada_l' })).toBe('u-11111111222233334444555555555555');
  });

  it('is a label of a host, and never that of another user', () => {
    fc.assert(
      fc.property(id, id, ownerName, ownerName, (one, other, nameOfOne, nameOfOther) => {
        fc.pre(one !== other && nameOfOne !== nameOfOther);
        const labels = [ownerLabel({ id: one, name: nameOfOne }), ownerLabel({ id: other, name: nameOfOther })];
        expect(labels[0]).not.toBe(labels[1]);
        for (const each of labels) expect(readHost(`web.${each}.example`)).toEqual({ host: `web.${each}.example` });
      }),
    );
  });
});

describe('isUnder', () => {
  it('compares whole labels', () => {
    expect(isUnder('a.example', 'example')).toBe(true);
    expect(isUnder('example', 'example')).toBe(true);
    expect(isUnder('badexample', 'example')).toBe(false);
  });
});
