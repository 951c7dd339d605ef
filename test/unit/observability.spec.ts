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

  it('shows every metric of deletions in the dashboard', () => {
    const shown = namesIn(read('deploy/observability/grafana-dashboard.json'));
    const ofDeletions = [...documented].filter((name) => name !== undefined && /deletion|teardown|purge/.test(name));
    expect(ofDeletions.length).toBeGreaterThan(5);
    expect(ofDeletions.filter((name) => name !== undefined && !shown.includes(name))).toEqual([]);
  });

  it('is a dashboard whose panels have an id of their own and ask for something', () => {
    const { panels } = JSON.parse(read('deploy/observability/grafana-dashboard.json')) as { panels: readonly Panel[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, targets } of panels) expect(type === 'row' || (targets?.length ?? 0) > 0).toBe(true);
  });
});
