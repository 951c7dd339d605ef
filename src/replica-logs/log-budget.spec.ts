import { loadConfig } from '../config/app-config';
import { LogBudget } from './log-budget';

describe('the budget for reading logs', () => {
  const budgetOf = (megabytes: number): LogBudget => new LogBudget(loadConfig({ LOG_MB_PER_MINUTE: String(megabytes) }));
  const reading = (bytes: number) => () => Promise.resolve({ result: 'lines', bytes });
  const refusal = expect.objectContaining({ code: 'rate_limited' });

  it('counts the bytes that were read, for each user apart', async () => {
    const budget = budgetOf(5);
    expect(await budget.spend('ada', 1, reading(4_000_000))).toBe('lines');
    await budget.spend('ada', 1, reading(4_000_000));
    await expect(budget.spend('ada', 1, reading(1))).rejects.toEqual(refusal);
    await budget.spend('eve', 1, reading(1));
  });

  it('counts the engines that are asked, also for containers that have written nothing', async () => {
    const budget = budgetOf(1);
    await budget.spend('ada', 100, reading(0));
    await expect(budget.spend('ada', 1, reading(0))).rejects.toEqual(refusal);
  });

  it('lets a user have three reads open at a time, and gives their places back, also after failures', async () => {
    const budget = budgetOf(0);
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const open = Array.from({ length: 3 }, () => budget.spend('ada', 1, () => ended.then(() => Promise.reject(new Error('away')))));
    await expect(budget.spend('ada', 1, reading(1))).rejects.toEqual(refusal);
    end();
    expect((await Promise.allSettled(open)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await budget.spend('ada', 1, reading(1));
  });
});
