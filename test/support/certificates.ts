import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, 'certificates');

/** Who has a certificate for tests: all are signed by `ca` but that of the `stranger`, which `other-ca` has signed. */
type CertificateOwner = 'server' | 'client' | 'next-client' | 'expired-client' | 'stranger';
type Authority = 'ca' | 'other-ca';

const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

/** Certificates and keys that exist for tests only; they protect nothing. Valid from 2020 to 2120. */
export const authority = (name: Authority): string => read(`${name}.pem`);
export const certificateOf = (owner: CertificateOwner): { cert: string; key: string } => ({
  cert: read(`${owner}.pem`),
  key: read(`${owner}.key`),
});

/** Writes a folder as DOCKER_CERT_PATH names one. */
export function writeCertificates(folder: string, { owner, ca = 'ca' }: { owner: CertificateOwner; ca?: Authority }): void {
  mkdirSync(folder, { recursive: true });
  const { cert, key } = certificateOf(owner);
  for (const [file, text] of Object.entries({ 'ca.pem': authority(ca), 'cert.pem': cert, 'key.pem': key }))
    writeFileSync(join(folder, file), text);
}
