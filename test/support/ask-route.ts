import { get } from 'node:http';

/** The status with which a router on this machine answers a request for a host, over a connection of its own; 0: it does not answer. */
export const askRoute = (port: number, host: string): Promise<number> =>
  new Promise((resolve) => {
    get({ port, host: '127.0.0.1', headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).once('error', () => resolve(0));
  });
