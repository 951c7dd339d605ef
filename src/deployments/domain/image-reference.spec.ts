import fc from 'fast-check';
import { IMAGE_REFERENCE, MAX_IMAGE_REFERENCE_LENGTH } from './image-reference';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const valid = (text: string): boolean => IMAGE_REFERENCE.test(text);

describe('IMAGE_REFERENCE', () => {
  it.each([
    'nginx',
    'nginx:1.27',
    'nginx:latest',
    'library/nginx',
    'ghcr.io/acme/web-api:v1.2.3',
    'localhost:5000/app',
    'localhost/app',
    '10.0.0.7:5000/team/app:Dev_1',
    'registry.example.com:443/a/b/c/d',
    'my_app',
    'my__app',
    'my--app',
    'my.app-1/x',
    `nginx@${DIGEST}`,
    `ghcr.io/acme/web:1@${DIGEST}`,
    `a:${'t'.repeat(128)}`,
    'EXAMPLE.com/app',
    '0',
  ])('takes %s', (text) => {
    expect(valid(text)).toBe(true);
  });

  it.each([
    '',
    ' ',
    'Nginx',
    'nginx:',
    'nginx ',
    ' nginx',
    'nginx\n',
    'nginx:1:2',
    ':latest',
    '/nginx',
    'nginx/',
    'a//b',
    'my___app',
    'my..app',
    '-app',
    'app-',
    'app.',
    '_app',
    'ghcr.io:port/app',
    '-host.io/app',
    'host-.io/app',
    'https://ghcr.io/app',
    'user@host/app',
    'nginx:-tag',
    'nginx:.tag',
    `a:${'t'.repeat(129)}`,
    'nginx@sha256:abc',
    `nginx@${DIGEST.toUpperCase()}`,
    `nginx@md5:${'0'.repeat(32)}`,
    'app;rm -rf',
    '$(id)',
    '../etc',
    'äpp',
    'a\u0000b',
  ])('refuses %j', (text) => {
    expect(valid(text)).toBe(false);
  });

  it('takes whatever is put together by its grammar', () => {
    const part = (letters: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength });
    const component = fc
      .array(part('abz019', 4), { minLength: 1, maxLength: 3 })
      .chain((words) => fc.constantFrom('.', '_', '__', '-', '---').map((separator) => words.join(separator)));
    const domain = fc.tuple(fc.array(part('abzAZ09', 5), { minLength: 1, maxLength: 3 }), fc.option(fc.integer({ min: 1, max: 65_535 })));
    const reference = fc
      .record({
        domain: fc.option(domain),
        path: fc.array(component, { minLength: 1, maxLength: 3 }),
        tag: fc.option(part('abzAZ019_', 8)),
        digest: fc.option(fc.constant(DIGEST)),
      })
      .map(({ domain: host, path, tag, digest }) =>
        [
          host ? `${host[0].join('.')}${host[1] === null ? '' : `:${host[1]}`}/` : '',
          path.join('/'),
          tag === null ? '' : `:${tag}`,
          digest === null ? '' : `@${digest}`,
        ].join(''),
      );
    fc.assert(fc.property(reference, (text) => valid(text)));
  });

  it('takes nothing that holds a character from outside its alphabet', () => {
    const stranger = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      .filter((character) => !/^[A-Za-z0-9._\-/:@]$/.test(character));
    fc.assert(
      fc.property(
        stranger,
        fc.constantFrom('nginx', 'a/b:c'),
        fc.nat({ max: 5 }),
        (character, text, at) => !valid(text.slice(0, at) + character + text.slice(at)),
      ),
    );
  });

  it.each([
    'a'.repeat(499),
    'a.'.repeat(249),
    'a-'.repeat(249),
    '-'.repeat(499),
    'a/'.repeat(249),
    `${'a'.repeat(249)}/${'a_'.repeat(124)}`,
    'a:'.repeat(249),
    'aA'.repeat(249),
  ])('refuses a long text quickly (%#)', (text) => {
    const longest = `${text}!`.slice(-MAX_IMAGE_REFERENCE_LENGTH);
    const begin = performance.now();
    expect(valid(longest)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(50);
  });
});
