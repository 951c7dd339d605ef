import helmet from '@fastify/helmet';
import { fastify } from 'fastify';

/**
 * The security headers of helmet, computed once instead of for every answer. Two are off: `upgrade-insecure-requests`
 * left Swagger UI blank over plain HTTP on any address but loopback, and HSTS is the task of the proxy that terminates
 * TLS.
 */
export async function securityHeaders(): Promise<Record<string, string>> {
  const probe = fastify();
  await probe.register(helmet, {
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
  });
  const asked = new Promise<Record<string, string>>((resolve) => {
    probe.addHook('onRequest', (_request, { raw }, done) => {
      resolve(Object.fromEntries(Object.entries(raw.getHeaders()).map(([name, value]) => [name, String(value)])));
      done();
    });
  });
  probe.get('/', () => '');
  await probe.inject('/');
  await probe.close();
  return asked;
}
