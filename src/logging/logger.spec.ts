import { Writable } from 'node:stream';
import pino from 'pino';
import pretty from 'pino-pretty';
import { FOR_TERMINALS } from './logger';

describe('the log on a terminal', () => {
  it('has one line for a request, with what is known of it', () => {
    let text = '';
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        done();
      },
    });
    const logger = pino({ base: null }, pretty({ ...FOR_TERMINALS, colorize: false, destination }));
    logger.info({ request_id: 'r-1', method: 'GET', route: '/api/nodes', status: 200, duration_ms: 3.1 }, 'request');
    logger.warn({ context: 'Audit' }, 'sealed');
    expect(text.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/INFO: request \{.*"route":"\/api\/nodes".*\}$/),
      expect.stringMatching(/WARN: Audit: sealed$/),
    ]);
  });
});
