import { banner, type StartFacts } from './banner';
import { loadConfig } from './config/app-config';

const FACTS: StartFacts = {
  url: 'http://127.0.0.1:8000',
  database: 'postgres://localhost/fog',
  router: null,
  administrator: null,
  runtime: { kind: 'simulated', reason: 'RUNTIME is simulated' },
};
const SHARED = { JWT_SECRET: 'a-secret-of-the-tests-and-of-nobody-else', ENCRYPTION_KEY: Buffer.alloc(32, 'k').toString('base64') };
const said = (role: string): string =>
  banner(loadConfig({ ...SHARED, ROLE: role, RUNTIME: 'simulated', DATABASE_URL: 'postgres://u:p@localhost:5432/fog' }), FACTS);

describe('what the program prints when it is ready', () => {
  it.each(['all', 'api'])('leads to the API with ROLE=%s', (role) => {
    expect(said(role)).toContain('http://127.0.0.1:8000/docs');
    expect(said(role)).toContain('curl -s http://127.0.0.1:8000/api/deployment/deploy');
  });

  // Their processes have no such routes, so whoever followed the lines got 404.
  it.each(['worker', 'router'])('leads to no API with ROLE=%s', (role) => {
    expect(said(role)).not.toMatch(/Swagger|curl|\/docs|\/api\//);
    expect(said(role)).toContain('http://127.0.0.1:8000/health/ready');
    expect(said(role)).toContain(`(role ${role})`);
  });
});
