import autocannon from 'autocannon';
import { percentile } from './statistics.mjs';

/**
 * Sends what `next` gives, over `clients` connections, for some seconds or a given number of requests, as fast as answers
 * come or at `rate` per second. `expected` are the statuses that count as success.
 */
export async function drive({ url, clients, seconds, amount, rate, next, expected }) {
  const times = [];
  const others = new Map();
  const begun = performance.now();
  let last = begun;
  const result = await autocannon({
    url,
    connections: clients,
    timeout: 30,
    ...(amount === undefined ? { duration: seconds } : { amount }),
    ...(rate === undefined ? {} : { overallRate: rate }),
    requests: [{ setupRequest: (request) => ({ ...request, ...next() }) }],
    setupClient: (client) => {
      client.on('response', (status, _bytes, ms) => {
        last = performance.now();
        if (expected.includes(status)) times.push(ms);
        else others.set(status, (others.get(status) ?? 0) + 1);
      });
    },
  });
  times.sort((a, b) => a - b);
  return {
    count: times.length,
    perSecond: times.length / ((last - begun) / 1000),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? NaN,
    others: [...others].map(([status, count]) => `${count}x ${status}`).join(', ') + (result.errors > 0 ? ` ${result.errors} errors` : ''),
  };
}
