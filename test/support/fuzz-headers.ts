import fc from 'fast-check';
import { text } from './fuzz-fields';
import { hostileHeader } from './fuzz-values';
import type { Operation } from './openapi-client';

const NEVER = fc.constant(undefined);
const STREAMS = fc.constantFrom('text/event-stream', 'application/x-ndjson', 'text/event-stream, application/json;q=0.1');
const EVENT_ID = fc.constantFrom('0', '1', '999999999999999', '9999999999999999', '-1', '1.5', '0x1', '1 ');
const ENTITY_TAG = fc.constantFrom('*', '"1"', '"2"', 'W/"1"', '"1", "2"', '1', '"', '"1"2"', ',', '"\u00e9"');
const PREFERENCE = fc.constantFrom('respond-async', 'respond-async, wait=10', 'RESPOND-ASYNC;x=1', 'wait=-1', ';,;', 'return=minimal');

/** Present once in `oneIn` times. */
export const rarely = <T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: NEVER }, { weight: 1, arbitrary });

/** Headers as clients send them, and as no client should. */
export const headersOf = ({ path }: Operation): fc.Arbitrary<Record<string, string | string[]>> =>
  fc
    .record({
      'Idempotency-Key': fc.oneof(
        { weight: 5, arbitrary: NEVER },
        { weight: 2, arbitrary: fc.nat(1_000_000).map((n) => `key-${String(n)}`) },
        { weight: 1, arbitrary: fc.nat(5).map((n) => `again-${String(n)}`) },
        { weight: 1, arbitrary: fc.oneof(hostileHeader, fc.constant<string | string[]>(['a', 'b'])) },
      ),
      'X-Request-Id': fc.oneof(
        { weight: 3, arbitrary: NEVER },
        { weight: 2, arbitrary: text(/^[A-Za-z0-9._-]{1,128}$/) },
        { weight: 1, arbitrary: hostileHeader },
      ),
      Accept: path === '/api/events' || path === '/api/admin/audit' ? rarely(STREAMS, 3) : rarely(hostileHeader, 12),
      'Last-Event-ID': path === '/api/events' ? rarely(fc.oneof(EVENT_ID, hostileHeader), 4) : NEVER,
      'If-Match': rarely(fc.oneof(ENTITY_TAG, hostileHeader), path.includes('/orphans/') ? 2 : path.includes('{deployment_id}') ? 8 : 40),
      Prefer: rarely(fc.oneof(PREFERENCE, hostileHeader), path.includes('{deployment_id}') ? 8 : 40),
      'Content-Type': rarely(
        fc.oneof(
          hostileHeader,
          fc.constantFrom(
            'text/plain',
            'application/json; charset=utf-16',
            'application/json\ta',
            'multipart/form-data',
            'application/x-www-form-urlencoded',
          ),
        ),
        20,
      ),
      'X-HTTP-Method-Override': rarely(fc.constantFrom('DELETE', 'GET', 'PATCH'), 20),
      'If-None-Match': rarely(fc.constant('*'), 20),
      Range: rarely(fc.constant('bytes=0-1'), 20),
      Cookie: rarely(hostileHeader, 20),
    })
    .map((all) => Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))));
