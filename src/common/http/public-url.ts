import type { FastifyInstance, FastifyReply } from 'fastify';

/**
 * Puts PUBLIC_URL before the addresses that answers lead to (`Location` and `Link`), which begin at the root of this server:
 * behind a proxy with a path prefix they would leave it. Does nothing without a PUBLIC_URL.
 */
export function leadToPublicUrl(fastify: FastifyInstance, publicUrl: string | undefined): void {
  if (publicUrl === undefined) return;
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    rewrite(reply, 'location', (value) => value.replace(/^(?=\/(?!\/))/, publicUrl));
    rewrite(reply, 'link', (value) => value.replaceAll('</', `<${publicUrl}/`));
    done();
  });
}

function rewrite(reply: FastifyReply, name: string, change: (value: string) => string): void {
  const value = reply.getHeader(name);
  if (typeof value === 'string') reply.header(name, change(value));
}
