import { prefersToJson } from './accepts';

const STREAM = 'text/event-stream';

describe('prefersToJson', () => {
  it.each([
    STREAM,
    'TEXT/Event-Stream',
    `${STREAM}; charset=utf-8`,
    'text/*',
    `application/json;q=0.9, ${STREAM}`,
    `${STREAM}, application/json;q=0.9`,
    `${STREAM};q=0.2, application/json;q=0.1`,
    `*/*;q=0.1, ${STREAM}`,
    `application/json;q=0, ${STREAM};q=0.001`,
    `application/json;q=0, */*`,
    `application/xml, ${STREAM};q=0.1`,
    `text/html;level="a,b", ${STREAM}`,
  ])('is asked for the stream by %p', (accept) => {
    expect(prefersToJson(accept, STREAM)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*/*',
    'application/json',
    `application/json, ${STREAM}`,
    `${STREAM}, application/json`,
    `${STREAM}, */*`,
    `${STREAM};q=0`,
    `${STREAM};q=0, */*`,
    `${STREAM};q=0.5, application/json`,
    `${STREAM};q=0.5, */*`,
    `${STREAM};q=two`,
    `text/html, application/xhtml+xml, */*;q=0.8`,
    'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
    `x="${STREAM}"`,
    `text/html;x="${STREAM}`,
    `,,,`,
  ])('is not asked for it by %p', (accept) => {
    expect(prefersToJson(accept, STREAM)).toBe(false);
  });
});
