import { checkWords } from './check-words';

const http = { httpGet: { port: 8080, path: '/healthz' } };
const tcp = { tcpSocket: { port: 5432 } };
const exec = { exec: { command: ['check'] } };
const get = 'Readiness probe failed: Get "http://10.0.0.9:8080/healthz":';

describe('checkWords', () => {
  it.each([
    [http, 'Readiness probe failed: HTTP probe failed with statuscode: 503', 'GET /healthz answered 503'],
    [http, `${get} dial tcp 10.0.0.9:8080: connect: connection refused`, 'GET /healthz was refused'],
    [http, `${get} context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, 'GET /healthz was not answered in time'],
    [http, `${get} EOF`, 'GET /healthz was cut off'],
    [http, `${get} net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`, 'GET /healthz was not answered with HTTP'],
    [tcp, 'Readiness probe failed: dial tcp 10.0.0.9:5432: connect: connection refused', 'A connection to port 5432 was refused'],
    [tcp, 'Readiness probe failed: something new', 'A connection to port 5432 failed'],
    [exec, 'Readiness probe failed: no\nsuch table', 'Health check fails: no such table'],
    [exec, 'Readiness probe failed: ', 'Health check fails'],
  ])('says of %j and "%s": %s', (probe, message, words) => {
    expect(checkWords(probe, message)).toBe(words);
  });
});
