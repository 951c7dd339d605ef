import { DomainError } from '../problem/domain-error';
import { readTime } from './time';

const fault = (pointer: string, detail: string): DomainError => new DomainError('invalid_request', `${pointer}: ${detail}`);
const read = (text: string | undefined): string | null => readTime(text, '/filter/created_after', fault);

describe('readTime', () => {
  it.each([
    ['2026', '2026-01-01T00:00:00.000Z'],
    ['2026-01', '2026-01-01T00:00:00.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T12:30', '2026-01-31T12:30:00.000Z'],
    ['2026-01-31T12:30z', '2026-01-31T12:30:00.000Z'],
    ['2026-01-31T12:00:00.123456', '2026-01-31T12:00:00.123Z'],
    ['2026-01-31T13:00:00+01:00', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T06:30:00-0530', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T13:00:00 01:00', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31t12:00:00z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T13:00:00+01', '2026-01-31T12:00:00.000Z'],
    ['2024-02-29t12:00:00z', '2024-02-29T12:00:00.000Z'],
    ['1970-01-01', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('reads %s as %s', (text, time) => {
    expect(read(text)).toBe(time);
  });

  it('gives null where none was given', () => {
    expect(read(undefined)).toBeNull();
  });

  it.each([
    ...['', 'now', 'yesterday', '31 Jan 2026', '1/2/2026', '20260131', '2026-W05-1', '2026-031', '2026-13-01', '2026-01-31 12:00Z'],
    ...['2026-02-30', '2025-02-29T00:00Z', '2026-04-31T12:00:00+01:00'],
    ...['2026-01-31T12', '2026-01-31T25:00Z', '2026-01-31T12:00:00,5Z', '2026-01-31T12:00:00 GMT', '2026-01-31T12:00Z\n'],
    ...['1969-12-31T23:59:59Z', '9999-12-31T23:59:59-01:00', '-2026-01-31', '+002026-01-31', '+275760-09-13T00:00:00Z'],
  ])('refuses %j in the words of the contract', (text) => {
    const words = '/filter/created_after: Invalid created_after. Must be an ISO 8601 time such as 2026-01-31T12:00:00Z';
    expect(() => read(text)).toThrow(words);
  });
});
