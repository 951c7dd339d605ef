// Processes of `npm run bench -- router`: `backend` answers, `router` is the built-in router of the product.
import { createServer } from 'node:http';

const [role, tables] = process.argv.slice(2);

const listen = {
  backend: () =>
    new Promise((resolve) => {
      const body = 'x'.repeat(1_024);
      const server = createServer({ keepAliveTimeout: 600_000 }, (_request, response) => response.end(body));
      server.listen(0, '127.0.0.1', () => resolve(server.address().port));
    }),
  router: async () => {
    const { Router } = await import('../dist/routing/builtin/router.js');
    const router = new Router({ host: '127.0.0.1', port: 0, trusted: [] });
    router.apply(JSON.parse(tables));
    return await router.listen();
  },
}[role];

process.stdout.write(`${await listen()}\n`);
