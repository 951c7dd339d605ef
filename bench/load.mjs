import autocannon from 'autocannon';
import { Agent, request as send } from 'node:http';
import { percentile } from './statistics.mjs';
import { driveWithWrk, wrkVersion } from './wrk.mjs';

const WRK = wrkVersion();

/** The load generator, for the report. */
export const generators = WRK === null ? 'autocannon' : `${WRK} (autocannon for deletes)`;

/**
 * Sends what `next` gives over `clients` connections, as fast as answers come, for some seconds or a given number of
 * requests. `expected` are the statuses that count as success. wrk counts every status below 400 as success, and cannot
 * end after a number of requests.
 */
export async function drive({ url, clients, seconds, amount, next, giveBack, expected }) {
  if (WRK !== null && amount === undefined) return driveWithWrk({ url, clients, seconds, next, giveBack });
  const times = [];
  const others = new Map();
  const begun = performance.now();
  let last = begun;
  const result = await autocannon({
    url,
    connections: clients,
    timeout: 30,
    ...(amount === undefined ? { duration: seconds } : { amount }),
    requests: [{ setupRequest: (request) => ({ ...request, ...next() }) }],
    setupClient: (client) => {
      client.on('response', (status, _bytes, ms) => {
        last = performance.now();
        if (expected.includes(status)) times.push(ms);
        else others.set(status, (others.get(status) ?? 0) + 1);
      });
    },
  });
  if (result.errors > 0) others.set('errors', result.errors);
  return summary(times, others, last - begun);
}

/**
 * Sends `amount` requests at even intervals, whether earlier ones have been answered or not. A time counts from the
 * moment when the request was due. (autocannon sends all requests of a second at its beginning.)
 */
export async function driveSteadily({ url, amount, rate, next, expected }) {
  const agent = new Agent({ keepAlive: true });
  const times = [];
  const others = new Map();
  const begun = performance.now();
  const answers = [];
  for (let index = 0; index < amount; index++) {
    const due = begun + (index * 1000) / rate;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const answer = statusOf(url, next(), agent).then((status) => {
      if (expected.includes(status)) times.push(performance.now() - due);
      else others.set(status, (others.get(status) ?? 0) + 1);
    });
    answers.push(answer);
  }
  await Promise.all(answers);
  agent.destroy();
  return summary(times, others, performance.now() - begun);
}

function statusOf(url, { path, method, headers, body }, agent) {
  return new Promise((resolve) => {
    const asked = send(`${url}${path}`, { method, headers, agent }, (answer) =>
      answer.resume().on('end', () => resolve(answer.statusCode)),
    );
    asked.on('error', () => resolve('errors')).end(body);
  });
}

function summary(times, others, elapsedMs) {
  times.sort((a, b) => a - b);
  return {
    count: times.length,
    perSecond: times.length / (elapsedMs / 1000),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? NaN,
    others: [...others].map(([status, count]) => `${count}x ${status}`).join(', '),
  };
}
