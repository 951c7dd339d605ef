import fc from 'fast-check';
import { familiarName, imageReferenceFault, MAX_IMAGE_REFERENCE_LENGTH, parseImageReference } from './image-reference';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}`;
const valid = (text: string): boolean => imageReferenceFault(text) === null;

describe('an image reference', () => {
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
    `nginx@${SHA512}`,
    `ghcr.io/acme/web:1@sha384:${'0123456789abcdef'.repeat(6)}`,
    '[fd00::5]:5000/team/app:1.0',
    '[::1]/app',
    `my${'-'.repeat(30)}app`,
    `${'h'.repeat(70)}.example.com/app`,
    'foo--bar/app',
    `ghcr.io/${'a'.repeat(255)}:tag`,
    'registry:65535/app',
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
    'a'.repeat(285),
    'a'.repeat(248),
    `ghcr.io/${'a'.repeat(256)}`,
    'f'.repeat(64),
    `sha256:${'f'.repeat(64)}`,
    'sha256:ab12',
    'registry:0/app',
    'registry:65536/app',
    'a_b.example/app',
    '[fd00::5]',
    '[fd00:::5]/app',
    '[fd00::5%eth0]/app',
    '[10.0.0.1]/app',
    `nginx@sha512:${'0'.repeat(64)}`,
    `nginx@${SHA512}0`,
  ])('refuses %j', (text) => {
    expect(valid(text)).toBe(false);
  });

  it.each([
    ['nginx', { host: 'docker.io', port: null, path: 'library/nginx', tag: null, digest: null }, 'nginx:latest'],
    ['docker.io/nginx:1', { host: 'docker.io', port: null, path: 'library/nginx', tag: '1', digest: null }, 'nginx:1'],
    ['index.docker.io/acme/web:2', { host: 'docker.io', port: null, path: 'acme/web', tag: '2', digest: null }, 'acme/web:2'],
    ['team/app', { host: 'docker.io', port: null, path: 'team/app', tag: null, digest: null }, 'team/app:latest'],
    ['localhost/app', { host: 'localhost', port: null, path: 'app', tag: null, digest: null }, 'localhost/app:latest'],
    ['Ghcr.IO/acme/web:1', { host: 'ghcr.io', port: null, path: 'acme/web', tag: '1', digest: null }, 'ghcr.io/acme/web:1'],
    ['EXAMPLE/app', { host: 'example', port: null, path: 'app', tag: null, digest: null }, 'example/app:latest'],
    ['registry:5000/a/b:c', { host: 'registry', port: 5000, path: 'a/b', tag: 'c', digest: null }, 'registry:5000/a/b:c'],
    ['[FD00::5]:5000/app:1', { host: '[fd00::5]', port: 5000, path: 'app', tag: '1', digest: null }, '[fd00::5]:5000/app:1'],
    [`nginx:1@${DIGEST}`, { host: 'docker.io', port: null, path: 'library/nginx', tag: '1', digest: DIGEST }, `nginx@${DIGEST}`],
  ])('%s is read as engines read it', (text, parts, familiar) => {
    const reference = parseImageReference(text);
    expect(reference).toEqual(parts);
    expect(reference && familiarName(reference)).toBe(familiar);
  });

  it('takes whatever is put together by its grammar', () => {
    const part = (letters: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength });
    const component = fc
      .array(part('abz019', 4), { minLength: 1, maxLength: 3 })
      .chain((words) => fc.constantFrom('.', '_', '__', '-', '---').map((separator) => words.join(separator)));
    const domain = fc.tuple(fc.array(part('abzAZ09', 5), { minLength: 2, maxLength: 3 }), fc.option(fc.integer({ min: 1, max: 65_535 })));
    const reference = fc
      .record({
        domain: fc.option(domain),
        path: fc.array(component, { minLength: 1, maxLength: 3 }),
        tag: fc.option(part('abzAZ019_', 8)),
        digest: fc.option(fc.constantFrom(DIGEST, SHA512)),
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
