import { withDates } from './dates';

describe('times in objects of a cluster', () => {
  it('become dates wherever they are', () => {
    const startedAt = '2026-03-01T10:00:00Z';
    const pod = { metadata: { creationTimestamp: startedAt }, status: { containerStatuses: [{ state: { running: { startedAt } } }] } };
    expect(withDates(pod)).toEqual({
      metadata: { creationTimestamp: new Date(startedAt) },
      status: { containerStatuses: [{ state: { running: { startedAt: new Date(startedAt) } } }] },
    });
  });

  it('are not looked for in what people name', () => {
    const metadata = { labels: { startedAt: 'Monday' }, annotations: { finishedAt: 'soon' }, name: 'startedAt' };
    expect(withDates(structuredClone({ metadata, startedAt: null }))).toEqual({ metadata, startedAt: null });
  });

  it('are read without who has set what', () => {
    const managedFields = [{ manager: 'kubelet', time: '2026-03-01T10:00:00Z' }];
    expect(withDates({ metadata: { name: 'a', managedFields } })).toEqual({ metadata: { name: 'a' } });
  });
});
