import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProduct } from './product.mjs';
import { number, table, verdict } from './report.mjs';
import { median } from './statistics.mjs';

const READY_TARGET_MS = 3_000;
const RSS_TARGET_MB = 160;
const IDLE_MS = 10_000;

/** Measures the time from spawn to readiness with an existing data folder, and the memory of the idle service. */
export async function run({ publish, heading, options }) {
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-bench-start-'));
  const [ready, rss] = [[], []];
  try {
    for (let round = 0; round <= options.rounds; round++) {
      const product = await startProduct({ DATA_DIR: folder }, { program: 'scripts/start.mjs' });
      if (round > 0) {
        ready.push(product.readyMs);
        await sleep(IDLE_MS);
        rss.push(product.rssMb());
      }
      await product.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [readyMs, rssMb] = [median(ready), median(rss)];
  const rows = table([
    ['', 'median', 'target', ''],
    ['from spawn to ready, built, with a data folder', `${number(readyMs / 1000, 2)} s`, '≤ 3 s', verdict(readyMs <= READY_TARGET_MS)],
    ['resident memory of the idle service, without PostgreSQL', `${number(rssMb)} MB`, '≤ 160 MB', verdict(rssMb <= RSS_TARGET_MB)],
  ]);
  publish(options, 'start', `${heading('Start', {})}\n${rows}`);
}
