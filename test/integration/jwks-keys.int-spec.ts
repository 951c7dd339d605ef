import { generateKeyPairSync } from 'node:crypto';
import { JwksKeys } from '../../src/auth/jwks-keys';
import { TestIssuer } from '../support/issuer';

type Jwk = Record<string, unknown>;
const without =
  (...names: string[]) =>
  (key: Jwk): Jwk =>
    Object.fromEntries(Object.entries(key).filter(([name]) => !names.includes(name)));

const encryption = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const edwards = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });

/** Documents and tokens as Entra ID, Keycloak, Okta and smaller providers make them. */
describe('the keys that an identity provider publishes', () => {
  let issuer: TestIssuer;
  beforeEach(async () => {
    issuer = await new TestIssuer().start();
  });
  afterEach(() => issuer.stop());

  const finds = async (token: string): Promise<boolean> => {
    const key = await new JwksKeys({ jwksUrl: issuer.environment.JWT_JWKS_URL, cacheSeconds: 60 }).find(token);
    return key?.equals(issuer.newest.publicKey) === true;
  };

  it.each<[string, (keys: readonly Jwk[]) => Jwk[]]>([
    [
      'with a certificate and its prints, and no alg (Entra ID)',
      (keys) => keys.map((key) => ({ ...without('alg')(key), x5t: 'abc', x5c: ['MIIC'], issuer: 'x' })),
    ],
    ['beside one for encryption (Keycloak)', (keys) => [{ ...encryption, kid: 'enc', use: 'enc', alg: 'RSA-OAEP' }, ...keys]],
    ['beside one of another kind (Keycloak)', (keys) => [{ ...edwards, kid: 'ed', use: 'sig', alg: 'EdDSA' }, ...keys]],
    ['beside one of a curve that nobody here knows', (keys) => [{ ...secp256k1, kid: 'k1', use: 'sig', alg: 'ES256K' }, ...keys]],
    [
      'beside one of a kind that nobody here knows',
      (keys) => [{ kty: 'AKP', kid: 'pq', alg: 'ML-DSA-44', pub: 'AA', use: 'sig' }, ...keys],
    ],
    ['without use and alg', (keys) => keys.map(without('use', 'alg'))],
    ['with key_ops in place of use', (keys) => keys.map((key) => ({ ...without('use')(key), key_ops: ['verify'] }))],
    ['without a kid', (keys) => keys.map(without('kid'))],
  ])('are found %s', async (_how, publish) => {
    issuer.publish = (keys) => publish(keys);
    expect(await finds(issuer.token())).toBe(true);
  });

  it('are found for a token without a kid: the one of its kind, or the one that has signed it', async () => {
    const token = (): string => issuer.token({}, issuer.newest, { kid: undefined });
    expect(await finds(token())).toBe(true);
    issuer.addKey('ES256');
    expect(await finds(token())).toBe(true);
    for (const alg of ['RS256', 'ES256', 'RS256'] as const) {
      issuer.addKey(alg);
      expect(await finds(token())).toBe(true);
    }
  });

  it('are found where two have the same kid', async () => {
    issuer.addKey('ES256');
    issuer.addKey('RS256');
    issuer.publish = (keys) => keys.map((key) => ({ ...key, kid: 'same' }));
    expect(await finds(issuer.token({}, issuer.newest, { kid: 'same' }))).toBe(true);
  });

  it('are none for a kid that is not among them, whoever has signed', async () => {
    expect(await finds(issuer.token({}, issuer.newest, { kid: 'another' }))).toBe(false);
  });
});
