import { isEngineEndpoint } from './engine-endpoint';

describe('isEngineEndpoint', () => {
  it.each([
    'tcp://10.0.0.5:2376',
    'tcp://edge-7.example.org:2376',
    'tcp://localhost:2375',
    'tcp://edge_7:2376',
    'tcp://_edge.internal.:2376',
    'tcp://[::1]:2375',
    'tcp://[fd00::7]:65535',
    'unix:///var/run/docker.sock',
  ])('takes %s', (endpoint) => {
    expect(isEngineEndpoint(endpoint)).toBe(true);
  });

  it.each([
    'tcp://10.0.0.5',
    'tcp://10.0.0.5:0',
    'tcp://10.0.0.5:65536',
    'tcp://10.0.0.5:2376/',
    'tcp://10.0.0.5:2376/info',
    'tcp://user:secret@10.0.0.5:2376',
    'tcp://10.0.0.5:2376?x=1',
    'tcp://300.1.1.1:2376',
    'tcp://[::1::]:2375',
    'tcp://-edge:2376',
    'tcp://edge\n:2376',
    'tcp://:2376',
    'tcp://.:2376',
    'tcp://edge..:2376',
    'http://10.0.0.5:2376',
    'ssh://root@edge',
    'unix://var/run/docker.sock',
    'unix:///var/../etc/docker.sock',
    'unix:///',
    'TCP://10.0.0.5:2376',
    '',
    7,
    null,
  ])('refuses %j', (endpoint) => {
    expect(isEngineEndpoint(endpoint)).toBe(false);
  });
});
