import { Readable } from 'node:stream';
import { until } from '../../../test/support/until';
import { watchChanges } from './changes';
import type { Cluster } from './cluster';
import type { ClusterClient } from './cluster-client';

describe('watchChanges', () => {
  const never = new AbortController().signal;
  const cluster = { versionOf: () => Promise.resolve('1') } as unknown as Cluster;
  /** A server that answers each watch with these lines and ends it after so long. */
  const clientThat = (lasts: number, lines: readonly object[] = []) => {
    const asked: string[] = [];
    const stream = (_path: string, { query }: { query: Record<string, string> }): Promise<Readable> => {
      asked.push(query.resourceVersion ?? '');
      const told = async function* () {
        for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
        await new Promise((resolve) => setTimeout(resolve, lasts));
      };
      return Promise.resolve(Readable.from(told()));
    };
    return { asked, client: { access: { namespace: 'fog' }, stream } as unknown as ClusterClient };
  };
  const watch = (client: ClusterClient, isCurrent = true, signal = never): Promise<void> =>
    watchChanges(client, () => cluster, {
      installationId: 'ours',
      onChange: () => undefined,
      onTold: () => undefined,
      signal,
      isCurrent: () => Promise.resolve(isCurrent),
    });

  it('breaks off when a watch is ended at once, so that the caller begins anew after a pause', async () => {
    const { client, asked } = clientThat(0);
    await expect(watch(client)).rejects.toMatchObject({ failure: 'unreachable' });
    expect(asked).toHaveLength(2);
  });

  it('goes on where a watch has ended that lasted, until it is called off', async () => {
    const { client, asked } = clientThat(1_100, [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } }]);
    const abort = new AbortController();
    const watching = watch(client, true, abort.signal);
    await until(() => asked.length === 4, { what: 'the two next watches' });
    abort.abort();
    await watching;
    expect(asked).toEqual(['1', '1', '7', '7']);
  });

  it('does not go on with an access that has been changed', async () => {
    const { client, asked } = clientThat(1_100);
    await expect(watch(client, false)).rejects.toMatchObject({ failure: 'unreachable' });
    expect(asked).toHaveLength(2);
  });
});
