import { sizeName } from './options.mjs';
import { number, table, verdict } from './report.mjs';
import { measureRequests } from './requests.mjs';

const TARGET = 2;

/**
 * Compares the cost of a request in the largest database and in the smallest: processor time of the service and
 * PostgreSQL together.
 */
export async function run({ withDatabase, publish, heading, options }) {
  await withDatabase(async (bench) => {
    const results = [];
    for (const size of options.sizes) results.push(await measureRequests(bench, { ...options, size }));
    const [small, large] = [results[0], results.at(-1)];
    const cost = (row) => row.serviceUs + row.postgresUs;
    const lines = small.map((row, index) => {
      const other = large[index];
      const growth = cost(other) / cost(row);
      return [
        row.role === 'api' ? `${row.name} (ROLE=api)` : row.name,
        number(cost(row)),
        number(cost(other)),
        number(growth, 2),
        number(row.perSecond / other.perSecond, 2),
        number(other.ratio, 2),
        `≤ ${TARGET.toFixed(1)}`,
        verdict(growth <= TARGET),
      ];
    });
    const [first, last] = [sizeName(options.sizes[0]), sizeName(options.sizes.at(-1))];
    const head = [
      'request',
      `CPU µs at ${first}`,
      `CPU µs at ${last}`,
      'growth',
      'time growth',
      `ratio to pgbench at ${last}`,
      'target',
      '',
    ];
    publish(options, 'scale', `${heading(`Cost at ${last} against ${first} deployments`, bench)}\n${table([head, ...lines])}`);
  });
}
