import { forwardedHeaders } from './forwarded-headers';

describe('the headers for a replica', () => {
  it('leave out what concerns one connection only, and keep what belongs to the message', () => {
    const headers = { host: 'a.example', connection: 'close, x-hop, host', 'x-hop': '1', 'x-kept': '2', te: 'trailers' };
    expect(forwardedHeaders(headers, { remoteAddress: '10.0.0.1', port: 80, trusted: false })).toEqual({
      host: 'a.example',
      'x-kept': '2',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'a.example',
      'x-forwarded-port': '80',
      'x-forwarded-proto': 'http',
    });
  });
});
