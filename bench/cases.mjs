import { DELETE_SCRIPT, DEPLOY_SCRIPT, PATCH_SCRIPT, SCALE_SCRIPT } from './baseline.sql.mjs';
import { idOf, liveK, sqlId } from './ids.mjs';
import { credentials } from './product.mjs';

const whole = (below) => Math.floor(Math.random() * below);
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const json = (token) => ({ ...bearer(token), 'content-type': 'application/json' });

const USER = `\\set u random(1, :driven)\n`;
const LIVE_DEPLOYMENT = `${USER}\\set n random(0, :live - 1)\n\\set i :u + (:n / 4 * 5 + :n % 4) * :users\n`;

/** The requests that only read. `variables` say which traced values the baseline varies, and how. */
export function readCases({ layout, tokens, deepPages, routed }) {
  const user = () => 1 + whole(layout.driven);
  const deployment = (u) => u + liveK(whole(layout.livePerUser)) * layout.users;
  const listed = (name, query) => ({
    name,
    target: 0.45,
    expected: [200],
    next: () => ({ method: 'GET', path: `/api/deployment/list?${query}`, headers: bearer(tokens[user()]) }),
    sample: () => ({ path: `/api/deployment/list?${query}`, headers: bearer(tokens[1]) }),
    prelude: USER,
    variables: { [idOf('u', 1)]: sqlId('u', ':u') },
  });
  return [
    {
      name: 'status',
      target: 0.4,
      expected: [200],
      next: () => {
        const u = user();
        return { method: 'GET', path: `/api/deployment/status/${idOf('d', deployment(u))}`, headers: bearer(tokens[u]) };
      },
      sample: () => ({ path: `/api/deployment/status/${idOf('d', 1)}`, headers: bearer(tokens[1]) }),
      prelude: LIVE_DEPLOYMENT,
      variables: { [idOf('u', 1)]: sqlId('u', ':u'), [idOf('d', 1)]: sqlId('d', ':i') },
    },
    routedStatus(layout, tokens, routed),
    listed('list, first page', 'limit=20'),
    deepList(layout, tokens, deepPages, user),
    listed('list, name search', 'limit=20&name=cache'),
    listed('list, status filter', 'limit=20&status=running'),
  ];
}

/** The status of deployments with two routes, backends, and a rollout that is open. */
function routedStatus(layout, tokens, routed) {
  const userOf = (i) => (i % layout.driven) + 1;
  const request = (i) => ({ path: `/api/deployment/status/${idOf('l', i)}`, headers: bearer(tokens[userOf(i)]) });
  return {
    name: 'status with routes and rollout',
    target: 0.5,
    expected: [200],
    next: () => ({ method: 'GET', ...request(routed.first + whole(routed.count)) }),
    sample: () => request(routed.first),
    prelude: `\\set i random(${routed.first}, ${routed.first + routed.count - 1})\n\\set u :i % :driven + 1\n`,
    variables: { [idOf('u', userOf(routed.first))]: sqlId('u', ':u'), [idOf('l', routed.first)]: sqlId('l', ':i') },
  };
}

/** The last page but the first: what a keyset cursor has to make as cheap as the first one. */
function deepList(layout, tokens, deepPages, user) {
  const row = (u) => `(:u + ${deepPages.k} * :users)`.replace(':u', u);
  return {
    name: 'list, deep page by cursor',
    target: 0.45,
    expected: [200],
    next: () => {
      const u = user();
      return { method: 'GET', path: deepPages.paths[u], headers: bearer(tokens[u]) };
    },
    sample: () => ({ path: deepPages.paths[1], headers: bearer(tokens[1]) }),
    prelude: USER,
    variables: {
      [idOf('u', 1)]: sqlId('u', ':u'),
      [idOf('d', 1 + deepPages.k * layout.users)]: sqlId('d', row(':u')),
      [deepPages.value]: `('2026-01-01 00:00:00+00'::timestamptz + ${row(':u')} * interval '1 second')`.replaceAll(
        /'[^']*:[^']*'/g,
        (literal) => `U&${literal.replaceAll(':', '\\003A')}`,
      ),
    },
  };
}

export const loginCase = ({ layout }) => ({
  name: 'login',
  target: null,
  expected: [200],
  next: () => ({
    method: 'POST',
    path: '/api/auth/login',
    headers: { 'content-type': 'application/json' },
    body: credentials(1 + whole(layout.driven)),
  }),
});

/** Requests that may be sent only once, in order. Those that were taken but not sent can be given back. */
function sequence(at) {
  let n = 0;
  return { next: () => at(n++), giveBack: (count) => (n -= count) };
}

let runs = 0;

/** The requests that write. Those with `replicas` use deployments that are made before each measurement. */
export function writeCases({ layout, tokens, pool }) {
  const run = ++runs;
  const deployBody = (n) =>
    JSON.stringify({
      name: `bench-${process.pid}-${run}-${n}`,
      type: 'compute',
      container_image: 'registry.example.org/team/service:1.4.2',
      replicas: 3,
      resources: { cpu: 0.5, memory: 512, storage: 10 },
      env: { MODE: 'production' },
      labels: { team: 'edge' },
    });
  /** Goes round after round over the pool, alternately up and down. */
  const scale = (n) => {
    const i = pool.first + (n % pool.count);
    const replicas = Math.floor(n / pool.count) % 2 === 0 ? 4 : 3;
    const path = `/api/deployment/scale/${idOf('l', i)}`;
    return { method: 'POST', path, headers: json(tokens[(i % layout.driven) + 1]), body: JSON.stringify({ replicas }) };
  };
  const patch = (n) => {
    const i = pool.first + (n % pool.count);
    const body = JSON.stringify({ container_image: `registry.example.org/team/service:${run}.${n}` });
    return { method: 'PATCH', path: `/api/deployment/${idOf('l', i)}`, headers: json(tokens[(i % layout.driven) + 1]), body };
  };
  const deletion = (replicas, target) => ({
    name: `delete, ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`,
    target,
    replicas,
    expected: [200, 202],
    script: DELETE_SCRIPT,
    nextOf: (first) => {
      let i = first;
      return () => {
        const headers = bearer(tokens[(i % layout.driven) + 1]);
        return { method: 'DELETE', path: `/api/deployment/${idOf('l', i++)}?wait=0`, headers };
      };
    },
  });
  return [
    {
      name: 'deploy',
      target: 0.3,
      expected: [202],
      ...sequence((n) => ({
        method: 'POST',
        path: '/api/deployment/deploy',
        headers: json(tokens[1 + whole(layout.driven)]),
        body: deployBody(n),
      })),
      script: DEPLOY_SCRIPT,
    },
    { name: 'scale up and down', target: 0.35, expected: [200], ...sequence(scale), script: SCALE_SCRIPT },
    { name: 'patch to a new revision', target: 0.35, expected: [202], ...sequence(patch), script: PATCH_SCRIPT },
    deletion(1, 0.35),
    deletion(3, 0.35),
    deletion(10, 0.35),
    deletion(100, 0.35),
  ];
}
