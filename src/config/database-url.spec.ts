import { parseDatabaseUrl, placeOf } from './database-url';

describe('parseDatabaseUrl', () => {
  it.each([
    ['postgres://ada:secret@fog_db:6432/fog', { host: 'fog_db', port: 6432, user: 'ada', password: 'secret', database: 'fog' }],
    ['postgresql://db.internal./fog', { host: 'db.internal.', port: undefined, user: undefined, password: undefined }],
    ['postgres:///x?host=/run/postgresql', { host: '/run/postgresql', port: undefined, database: 'x' }],
    ['postgres://%2Frun%2Fpostgresql/x', { host: '/run/postgresql', database: 'x' }],
    ['postgres://fog@/x?host=/run/pg&port=5433', { host: '/run/pg', port: 5433, user: 'fog', database: 'x' }],
    ['postgres://[::1]:5433/x', { host: '::1', port: 5433 }],
    ['postgres://u:100%25pure%40home@h/x', { password: '100%pure@home', host: 'h' }],
    ['postgres://u:a:b@h/x', { user: 'u', password: 'a:b' }],
    ['postgres://h/x?user=ada&password=a+b%20c&dbname=fog', { user: 'ada', password: 'a+b c', database: 'fog' }],
    ['postgres://ada:a+b@h/x', { password: 'a+b' }],
    ['postgres://[2001:db8::1%25eth0]/x', { host: '2001:db8::1%eth0' }],
    ['postgres://h', { host: 'h', database: undefined }],
    [
      'postgres://h/x?options=-c%20search_path%3Dfog&sslmode=require',
      { parameters: { options: '-c search_path=fog', sslmode: 'require' } },
    ],
  ])('reads %s', (url, said) => {
    expect(parseDatabaseUrl(url)).toMatchObject(said);
  });

  it.each([
    ['postgres://u:100%pure@h/x', /write %25 for a % itself$/],
    ['postgres://h1:5432,h2:5432/x', /names several hosts/],
    ['postgres://h1,h2/x', /names several hosts/],
    ['postgres:///x?host=h1,h2', /names several hosts/],
    ['postgres://h:70000/x', /port in DATABASE_URL/],
    ['postgres://u:se/cret@h/x', /must look like/],
    ['postgres://u:se#cret@h/x', /# in the password is written %23$/],
    ['host=db dbname=fog', /must look like/],
    ['postgres://h/x?sslmod=require', /sslmod, which nothing reads: sslmode is probably meant$/],
    ['postgres://h/x?SSLMODE=require', /SSLMODE, which nothing reads: sslmode is probably meant$/],
    ['postgres://h/x?sslmode=requird', /^sslmode in DATABASE_URL must be one of: disable, /],
    ['postgres://h/x?hostaddr=10.0.0.1', /hostaddr, which this program does not obey/],
    ['postgres://h/x?sslcrl=/crl.pem', /sslcrl, which this program does not obey/],
    ['mysql://h/x', /must look like/],
    ['localhost/fog', /must look like/],
    ['h:5432/x', /must look like/],
  ])('refuses %s in a sentence that names the variable and no secret', (url, sentence) => {
    expect(() => parseDatabaseUrl(url)).toThrow(sentence);
    expect(() => parseDatabaseUrl(url)).toThrow(/DATABASE_URL/);
    expect(() => parseDatabaseUrl(url)).not.toThrow(/se.cret|100%pure@/);
  });

  it.each(['pgbouncer=true', 'connect_timeout=3', 'schema=public', 'pool_timeout=5', 'target_session_attrs=read-write', 'keepalives=1'])(
    'leaves %s to those who read it',
    (query) => {
      expect(parseDatabaseUrl(`postgres://h/x?${query}`)).toMatchObject({ host: 'h', database: 'x' });
    },
  );

  it('names the place without the password', () => {
    expect(placeOf(parseDatabaseUrl('postgres://u:secret@h/x'))).toBe('h:5432/x');
    expect(placeOf(parseDatabaseUrl('postgres://u:secret@[::1]:5433/x'))).toBe('[::1]:5433/x');
  });
});
