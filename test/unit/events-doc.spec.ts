import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_TYPES } from '../../src/events/event-types';

describe('docs/events.md', () => {
  const page = readFileSync(join(__dirname, '../../docs/events.md'), 'utf8');

  it('lists every type of event with its meaning, and no other', () => {
    const rows = [...page.matchAll(/^\| `(fog\.[a-z_.]+)` \| (.*) \|$/gm)].map(([, type, meaning]) => [type, meaning]);
    expect(rows).toEqual(Object.entries(EVENT_TYPES));
  });
});
