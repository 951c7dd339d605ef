import type { Connection } from './connection';
import { Session, type SessionParts } from './session';

/** A session whose disk takes the welcome when it is told to. */
function sessionOnSlowDisk() {
  const told: string[] = [];
  let write: () => void = () => undefined;
  const session = new Session({
    identity: { welcomed: () => Promise.resolve(), nextKey: () => Promise.resolve(null) },
    versions: () => ({ held: 0, seen: 0 }),
    keepWelcome: () => new Promise<void>((resolve) => (write = resolve)),
    onUp: () => void told.push('up'),
    onDown: () => void told.push('down'),
  } as unknown as SessionParts);
  const welcome = { type: 'welcome', installationId: 'i', nodeName: 'n', ticket: 't', ordersVersion: 1, reportEveryMs: 1_000 } as const;
  return { session, told, receive: () => session.receive(welcome, {} as Connection), write: () => write() };
}

describe('a session of the link', () => {
  it('is up once the disk has the welcome, until the connection ends', async () => {
    const { session, told, receive, write } = sessionOnSlowDisk();
    const received = receive();
    await Promise.resolve();
    expect(told).toEqual([]);
    write();
    await received;
    session.end();
    expect(told).toEqual(['up', 'down']);
  });

  it('is not brought up by a welcome that the disk takes when the connection has ended', async () => {
    const { session, told, receive, write } = sessionOnSlowDisk();
    const received = receive();
    await Promise.resolve();
    session.end();
    write();
    await received;
    expect(told).toEqual([]);
  });
});
