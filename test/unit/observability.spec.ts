import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const namesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/\bfog_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))),
];

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

describe('deploy/observability', () => {
  const documented = new Set(
    [...read('docs/operations.md').matchAll(/^\| `(fog_[a-z_]+)` \|/gm)].map(([, name]) => name?.replace(/_(bucket|count|sum)$/, '')),
  );

  it.each(['alerts.yml', 'alerts.test.yml', 'grafana-dashboard.json'])('%s uses only metrics that exist', (file) => {
    const used = namesIn(read(`deploy/observability/${file}`));
    expect(used.length).toBeGreaterThan(3);
    expect(used.filter((name) => !documented.has(name))).toEqual([]);
  });

  it.each<[what: string, pattern: RegExp, atLeast: number]>([
    ['deletions', /deletion|teardown|purge/, 5],
    ['rollouts', /rollout/, 2],
    ['routes', /router/, 5],
  ])('shows every metric of %s in the dashboard', (_what, pattern, atLeast) => {
    const shown = namesIn(read('deploy/observability/grafana-dashboard.json'));
    const wanted = [...documented].filter((name) => name !== undefined && pattern.test(name));
    expect(wanted.length).toBeGreaterThanOrEqual(atLeast);
    expect(wanted.filter((name) => name !== undefined && !shown.includes(name))).toEqual([]);
  });

  it('warns of rollouts that fail, and of a router that is behind or answers with errors', () => {
    const alarming = namesIn(read('deploy/observability/alerts.yml'));
    expect(alarming).toEqual(
      expect.arrayContaining(['fog_rollouts_total', 'fog_rollouts_open', 'fog_router_table_age_seconds', 'fog_router_requests_total']),
    );
  });

  it('is a dashboard whose panels have an id of their own and ask for something', () => {
    const { panels } = JSON.parse(read('deploy/observability/grafana-dashboard.json')) as { panels: readonly Panel[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, targets } of panels) expect(type === 'row' || (targets?.length ?? 0) > 0).toBe(true);
  });
});
