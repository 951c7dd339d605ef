import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { connectionSettings } from '../../src/database/connection-settings';
import { describeDatabaseError } from '../../src/database/describe-error';
import { refuseTransactionPooler } from '../../src/database/refuse-pooler';
import { authority, certificateOf } from '../support/certificates';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** The client's question whether the server speaks TLS. */
const TLS_REQUEST_BYTES = 8;

describe('the connection to a database', () => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'fog-tls-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await database?.drop();
  });

  it('has what the URL asks of the server, and our own limits beside it', async () => {
    const url = `${database.url}?options=-c%20search_path%3Dfog%20-c%20statement_timeout%3D0%20-c%20timezone%3DAsia/Tokyo&application_name=theirs`;
    const dataSource = await openDataSource(url, 1);
    try {
      const show = async (name: string): Promise<unknown> => (await dataSource.query<Record<string, unknown>[]>(`SHOW ${name}`))[0];
      expect(await Promise.all(['search_path', 'statement_timeout', 'lock_timeout', 'timezone', 'plan_cache_mode'].map(show))).toEqual([
        ...[{ search_path: 'fog' }, { statement_timeout: '10s' }, { lock_timeout: '5s' }],
        ...[{ TimeZone: 'UTC' }, { plan_cache_mode: 'force_generic_plan' }],
      ]);
      expect(await show('application_name')).toEqual({ application_name: 'theirs' });
    } finally {
      await dataSource.destroy();
    }
  });

  it('is not taken for a pooler when it is none', async () => {
    await refuseTransactionPooler(database.url);
  });

  const reasonFor = async (url: string): Promise<string | null> => {
    try {
      await refuseTransactionPooler(url);
      return 'it works';
    } catch (error) {
      return describeDatabaseError(error, url);
    }
  };
  const to = (server: string, rest = ''): string => database.url.replace(/@[^/]+\//, `@${server}/`) + rest;

  it.each<[string, () => string, RegExp]>([
    ['a wrong password', () => database.url.replace(/:[^:@/]+@/, ':wrong@'), /cannot be used \(password authentication failed/],
    ['no password', () => database.url.replace(/:[^:@/]+@/, '@'), /asks for a password, and DATABASE_URL has none/],
    ['a socket that is none', () => 'postgres:///x?host=/nowhere', /^The database at \/nowhere:5432\/x cannot be used \(.*ENOENT/],
    ['TLS where there is none', () => `${database.url}?sslmode=require`, /does not speak TLS there\. Leave sslmode out of DATABASE_URL/],
    ['a database that is none', () => database.url.replace(/\/[^/]+$/, '/none'), /cannot be used \(database "none" does not exist/],
  ])('is described by its reason: %s', async (_name, url, reason) => {
    const said = await reasonFor(url());
    expect(said).toMatch(reason);
    expect(said).toContain('DATABASE_URL');
  });

  it('names the certificate, and the way to trust it', async () => {
    const server = await tlsServer();
    try {
      const { port } = server.address() as { port: number };
      const said = await reasonFor(to(`127.0.0.1:${port}`, '?sslmode=require'));
      expect(said).toMatch(
        /was reached, but its certificate is signed by an authority that is not trusted here\. .*sslrootcert=.*sslmode=no-verify/,
      );
      const ca = join(folder, 'ca.pem');
      writeFileSync(ca, authority('ca'));
      expect(await reasonFor(to(`127.0.0.1:${port}`, `?sslmode=verify-full&sslrootcert=${ca}`))).not.toMatch(/certificate/);
    } finally {
      server.close();
    }
  });

  it('names a file that cannot be read', () => {
    expect(() => connectionSettings('postgres://h/x?sslrootcert=/nowhere/ca.pem')).toThrow(
      'The file that sslrootcert in DATABASE_URL names cannot be read (ENOENT): /nowhere/ca.pem',
    );
    expect(() => connectionSettings(`postgres://h/x?sslcert=${__filename}`)).toThrow(
      `The file that sslcert in DATABASE_URL names is not in the PEM format: ${__filename}`,
    );
  });

  it.each([
    ['sslmode=disable', false],
    ['sslmode=no-verify', { rejectUnauthorized: false }],
    ['sslmode=require', {}],
    ['sslmode=require&uselibpqcompat=true', { rejectUnauthorized: false, checkServerIdentity: expect.any(Function) as unknown }],
    ['ssl=true', {}],
    ['application_name=x', undefined],
  ])('reads %s', (query, ssl) => {
    expect(connectionSettings(`postgres://h/x?${query}`).ssl).toEqual(ssl);
  });

  /** Says yes to TLS as PostgreSQL does, shakes hands, and hangs up. */
  async function tlsServer(): Promise<Server> {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (asked: Buffer) => {
        if (asked.length !== TLS_REQUEST_BYTES) return socket.destroy();
        socket.write('S');
        const secure = new TLSSocket(socket, { isServer: true, ...certificateOf('server') });
        secure.on('error', () => undefined).on('data', () => secure.destroy());
        return undefined;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server;
  }
});
