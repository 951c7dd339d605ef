/** The way of a deployment through openapi-fetch with the types that openapi-typescript makes. */
import createClient from 'openapi-fetch';
import type { paths } from './schema.js';

const client = createClient<paths>({ baseUrl: process.env.FOG_URL, headers: { Authorization: `Bearer ${process.env.FOG_TOKEN}` } });

function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** The data of an answer that succeeded. */
function done<T>({ data, error }: { data?: T; error?: unknown }, what: string): T {
  if (data === undefined) throw new Error(`${what}: ${JSON.stringify(error)}`);
  return data;
}

async function untilRunning(id: string): Promise<void> {
  const params = { path: { deployment_id: id }, query: { for: 'running', timeout: 50 } } as const;
  const waited = done(await client.GET('/api/deployment/{deployment_id}/wait', { params }), 'wait');
  expect(waited.deployment_id === id, 'it is waited for');
  expect(waited.reached && waited.status === 'running', 'it runs');
}

const body = { name: 'client-types', type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 } } as const;
expect(done(await client.POST('/api/deployment/deploy/preview', { body }), 'preview').schedulable, 'it has a place');
const key = { header: { 'Idempotency-Key': 'client-types' } };
const accepted = done(await client.POST('/api/deployment/deploy', { body, params: key }), 'deploy');
expect(accepted.status === 'pending', 'it is pending');
const params = { path: { deployment_id: accepted.deployment_id } };
const refused = await client.POST('/api/deployment/deploy', { body });
expect(refused.error?.code === 'already_exists', 'the refusal is a problem with a code');
await untilRunning(accepted.deployment_id);

const scaled = await client.POST('/api/deployment/scale/{deployment_id}', { params, body: { replicas: 3 } });
expect(done(scaled, 'scale').replicas === 3, 'three replicas are wanted');
const changed = await client.PATCH('/api/deployment/{deployment_id}', { params, body: { labels: { team: 'edge' } } });
expect(done(changed, 'change').result === 'updated', 'only the labels have changed');
const after = await client.GET('/api/deployment/status/{deployment_id}', { params });
expect(done(after, 'status').target_replicas === 3, 'the change leaves the replicas as they are');
const listed = done(await client.GET('/api/deployment/list', { params: { query: { name: 'client-types' } } }), 'list');
expect(listed.length === 1 && listed[0]?.id === accepted.deployment_id, 'it is listed');
done(await client.GET('/api/deployment/{deployment_id}', { params }), 'detail');

done(await client.GET('/api/deployment/{deployment_id}/deletion-preview', { params }), 'preview of the delete');
expect(done(await client.DELETE('/api/deployment/{deployment_id}', { params }), 'delete').resources_released, 'all is released');
done(await client.GET('/api/deployment/{deployment_id}/deletion', { params }), 'ledger');
expect(done(await client.POST('/api/deployment/{deployment_id}/restore/preview', { params }), 'preview').possible, 'a restore is possible');
done(await client.POST('/api/deployment/{deployment_id}/restore', { params }), 'restore');
await untilRunning(accepted.deployment_id);

const bulk = { ids: [accepted.deployment_id] };
done(await client.POST('/api/deployment/bulk-delete/preview', { body: bulk }), 'preview of the bulk delete');
const operation = done(await client.POST('/api/deployment/bulk-delete', { body: bulk }), 'bulk delete');
expect(operation.deleted === 1, 'one is deleted');
const undone = await client.POST('/api/deployment/bulk-restore', { body: { operation_id: operation.operation_id } });
expect(done(undone, 'bulk restore').restored === 1, 'one is restored');
done(await client.GET('/api/deployment/{deployment_id}/history', { params }), 'history');
done(await client.GET('/api/nodes'), 'nodes');
const page = done(await client.GET('/api/events', { params: { query: { deployment_id: accepted.deployment_id } } }), 'events');
expect(page.events[0]?.data.deployment_id === accepted.deployment_id, 'events tell of it');
