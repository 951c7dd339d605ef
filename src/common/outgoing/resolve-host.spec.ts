import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { resolverOf } from './resolve-host';

/** A name server that answers a type of record with this data, with none, or nothing at all. */
async function nameServer(answer: (type: number) => Buffer | null): Promise<{ socket: Socket; address: string }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const type = query.readUInt16BE(query.indexOf(0, 12) + 1);
    const data = answer(type);
    if (data === null) return;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const head = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, data.length > 0 ? 1 : 0, 0, 0, 0, 0]);
    const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
    socket.send(Buffer.concat(data.length > 0 ? [head, question, record, data] : [head, question]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { socket, address: `127.0.0.1:${String(socket.address().port)}` };
}

describe('resolverOf', () => {
  let server: Awaited<ReturnType<typeof nameServer>>;
  afterEach(() => server.socket.close());

  it('gives all addresses of a name, also when it has only those of one family', async () => {
    server = await nameServer((type) => (type === 1 ? Buffer.from([93, 184, 215, 14]) : Buffer.alloc(0)));
    expect(await resolverOf([server.address])('hooks.example')).toEqual([{ address: '93.184.215.14', family: 4 }]);
  });

  it('refuses names without any address', async () => {
    server = await nameServer(() => Buffer.alloc(0));
    await expect(resolverOf([server.address])('hooks.example')).rejects.toThrow('ENODATA');
  });

  it('gives up on a silent name server, and takes none of the threads that others need meanwhile', async () => {
    server = await nameServer(() => null);
    const resolve = resolverOf([server.address]);
    let ended = 0;
    const asked = Array.from({ length: 20 }, (_, n) =>
      resolve(`silent-${String(n)}.example`)
        .catch(String)
        .finally(() => (ended += 1)),
    );
    await lookup('127.0.0.1');
    await lookup('localhost');
    expect(ended).toBe(0);
    for (const words of await Promise.all(asked)) expect(words).toMatch(/ETIMEOUT|ECANCELLED/);
  });

  it.each(['localhost', 'LOCALHOST.', 'any.localhost'])('asks nobody for %s, which is loopback', async (name) => {
    server = await nameServer(() => Buffer.from([93, 184, 215, 14]));
    expect(await resolverOf([server.address])(name)).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });
});
