import type { DockerEngine } from './docker-engine';
import { markOf } from './image-marks';
import { ImageTidying } from './image-tidying';
import type { NodeImage } from './node-image';

const INSTALLATION = 'here';
const NOW = new Date('2026-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

/** As much of an engine as the tidying asks. */
class MarkedImages {
  readonly removed: string[] = [];
  readonly renewed: string[] = [];
  private readonly images = new Map<string, NodeImage>();

  constructor(private readonly used: ReadonlySet<string>) {}

  add(id: string, idleMs: number): void {
    const name = `app:${id}`;
    const taggedAt = new Date(NOW.getTime() - idleMs);
    const names = [name, markOf(name, INSTALLATION)];
    this.images.set(id, { id, sizeMb: 1, textBytes: 0, names, labelNames: [], volumes: [], taggedAt });
  }

  readonly asEngine: Partial<DockerEngine> = {
    removeLeftVolumes: () => Promise.resolve(),
    imagesTagged: () => Promise.resolve([...this.images.keys()]),
    now: () => Promise.resolve(NOW),
    imagesInUse: () => Promise.resolve(this.used),
    image: (id) => Promise.resolve(this.images.get(id) ?? null),
    tagImage: (id) => Promise.resolve(void this.renewed.push(id)),
    removeImage: (name) => {
      if (name.startsWith('app:')) this.removed.push(name.slice('app:'.length));
      return Promise.resolve(true);
    },
  };
}

const idsFrom = (first: number, count: number): string[] => Array.from({ length: count }, (_, index) => String(first + index));
const tidy = (images: MarkedImages): Promise<void> =>
  new ImageTidying({ installationId: INSTALLATION, imageKeepHours: 48 }).tidy(images.asEngine as DockerEngine, 'node');

describe('the tidying of images', () => {
  it('looks at all of them, however many are in use or young', async () => {
    const inUse = idsFrom(1, 20);
    const images = new MarkedImages(new Set(inUse));
    for (const id of inUse) images.add(id, DAY_MS);
    images.add('21', DAY_MS);
    for (const id of idsFrom(22, 4)) images.add(id, 3 * DAY_MS);
    await tidy(images);
    expect(images.removed).toEqual(['22', '23', '24', '25']);
    expect(images.renewed).toEqual(inUse);
  });

  it('removes at most twenty in a round, and still renews what is in use behind them', async () => {
    const images = new MarkedImages(new Set(['26']));
    for (const id of idsFrom(1, 25)) images.add(id, 3 * DAY_MS);
    images.add('26', DAY_MS);
    await tidy(images);
    expect(images.removed).toEqual(idsFrom(1, 20));
    expect(images.renewed).toEqual(['26']);
  });
});
