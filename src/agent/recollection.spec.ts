import type { KeptValue } from './disk/kept-value';
import { readMemory, type Memory } from './memory';
import { Recollection } from './recollection';

const REPLICA = '1b0e1c50-7f4c-4e0e-9f52-0c4f5a3f1d11';

/** A disk that takes no memory that is larger than this. */
function onDisk(bytes: number): { recollection: Recollection; kept: { current: Memory; stored: Memory | null }; said: string[] } {
  const kept = {
    current: readMemory(null),
    stored: null as Memory | null,
    keep(): Promise<void> {
      if (JSON.stringify(this.current).length > bytes) return Promise.reject(new Error('ENOSPC: no space left on device'));
      this.stored = this.current;
      return Promise.resolve();
    },
  };
  const said: string[] = [];
  const say = (words: string): void => void said.push(words);
  const recollection = new Recollection(kept as unknown as KeptValue<Memory>, { info: say, warn: say, error: say });
  return { recollection, kept, said };
}

describe('what an agent remembers', () => {
  it('gives up what it has to tell on a full disk, so that the machine is let in and takes its orders', async () => {
    const { recollection, kept, said } = onDisk(500);
    for (let n = 0; n < 10; n++) recollection.account(REPLICA, 'Exited with code 1 and was started again', 1);
    expect(recollection.accounts(100)).toHaveLength(10);
    await recollection.letIn({ ticket: 't1', ordersVersion: 7 });
    expect(kept.stored).toMatchObject({ ticket: 't1', toldVersion: 7, accounts: [] });
    expect(said.at(-1)).toContain('stands in this log only');
    recollection.account(REPLICA, 'x'.repeat(400), 1);
    await recollection.seen(7, () => true);
    expect(kept.stored).toMatchObject({ ticket: 't1', seenVersion: 7, accounts: [] });
  });

  it('tells who waits when the disk takes nothing at all', async () => {
    const { recollection } = onDisk(0);
    recollection.account(REPLICA, 'Exited with code 1 and was started again', 1);
    await expect(recollection.letIn({ ticket: 't1', ordersVersion: 7 })).rejects.toThrow('ENOSPC');
    expect(recollection.accounts(100)).toHaveLength(1);
  });
});
