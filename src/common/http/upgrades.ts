import type { FastifyInstance } from 'fastify';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** The connection of a request that asks for another protocol. */
export interface Upgrade {
  /** What came behind the head of the request. */
  readonly head: Buffer;
  /** Takes the connection away from HTTP. Nothing is answered then. */
  readonly release: () => Socket;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/**
 * Serves requests that ask for another protocol like all others, with their limits, checks and log. A route that speaks the protocol takes
 * the connection by `upgradeOf`; all other routes answer in HTTP, as RFC 9110 allows, and the connection ends after that.
 */
export function serveUpgrades(fastify: FastifyInstance): void {
  fastify.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const response = new ServerResponse(request);
    socket.on('error', () => socket.destroy());
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    response.once('finish', () => {
      if (response.socket === socket) response.detachSocket(socket);
      socket.end();
    });
    const release = (): Socket => {
      response.detachSocket(socket);
      return socket;
    };
    upgrades.set(request, { head, release });
    fastify.server.emit('request', request, response);
  });
}

/** Undefined for a request that asks for no other protocol. */
export const upgradeOf = (request: IncomingMessage): Upgrade | undefined => upgrades.get(request);
