import { changesOf } from './changes-of';
import type { Wanted } from './change.types';
import { readNamed } from './wanted';

const BODY = {
  type: 'compute',
  container_image: 'registry.example.org/web:1',
  replicas: 1,
  env: { MODE: 'a' },
  resources: { cpu: 1, memory: 512, storage: 10 },
};
const wish = (over: object): Wanted => readNamed('web', { ...BODY, ...over });
const OF_REPLICAS = ['replicas', 'cpu_cores', 'memory_mb', 'gpu_units', 'storage_gb', 'ports'];

describe('what a change may make more of', () => {
  it.each<[string, object, string[]]>([
    ['an image', { container_image: 'registry.example.org/web:2' }, []],
    ['a value of env', { env: { MODE: 'b', MORE: 'c' } }, []],
    ['labels', { labels: { team: 'edge' } }, []],
    ['replicas', { replicas: 2 }, OF_REPLICAS],
    ['memory', { resources: { ...BODY.resources, memory: 1024 } }, OF_REPLICAS],
    ['ports', { ports: [{ container_port: 80 }] }, OF_REPLICAS],
    ['a volume', { volumes: [{ name: 'data', path: '/data', size_gb: 1 }] }, ['volumes', 'storage_gb']],
  ])('%s', (_what, over, grows) => {
    expect(changesOf(wish({}), wish(over)).grows).toEqual(['stored_bytes', ...grows]);
    expect(changesOf(wish(over), wish({})).grows).toEqual(['stored_bytes', ...grows]);
  });
});
