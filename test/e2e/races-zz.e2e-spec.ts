import { deployed } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';
it('measures', async () => {
  const t: TestApp = await startTestApp({ env: { SIMULATED_DELAY_MS: '40' } });
  const out: string[] = [];
  for (let n = 0; n < 6; n++) {
    const s = performance.now();
    const id = await deployed(t, 'ada', { replicas: 2 });
    const a = performance.now();
    const r = await Promise.all(Array.from({ length: n < 3 ? 1 : 10 }, async () => { const x = performance.now(); const { status } = await t.as('ada').delete(`/api/deployment/${id}`); return `${status}:${Math.round(performance.now() - x)}`; }));
    out.push(`deployed ${Math.round(a - s)} delete ${r.join(' ')}`);
  }
  console.log(out.join('\n'));
  await t.close();
});
