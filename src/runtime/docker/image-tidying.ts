import type { DockerEngine } from './docker-engine';
import { marksOn, markRepository } from './image-marks';
import type { NodeImage } from './node-image';

const EVERY_MS = 600_000;
const HOUR_MS = 3_600_000;
/** A removal keeps the engine busy; the next round goes on. */
const MOST_REMOVALS = 20;

export interface TidyingRules {
  readonly installationId: string;
  /** How long an image that no container uses is kept after its last use; 0: for ever. */
  readonly imageKeepHours: number;
}

/**
 * Removes from an engine the images that this installation has pulled and that no container, ours or foreign, has used for long,
 * and volumes of its containers that something else has left behind. Images without our mark are never touched.
 */
export class ImageTidying {
  private readonly doneAt = new Map<string, number>();

  constructor(private readonly rules: TidyingRules) {}

  /** Does it at most every ten minutes for a node; other calls do nothing. */
  async tidy(engine: DockerEngine, nodeId: string): Promise<void> {
    if (performance.now() - (this.doneAt.get(nodeId) ?? -EVERY_MS) < EVERY_MS) return;
    this.doneAt.set(nodeId, performance.now());
    await engine.removeLeftVolumes();
    if (this.rules.imageKeepHours > 0) await this.tidyImages(engine);
  }

  private async tidyImages(engine: DockerEngine): Promise<void> {
    const ids = await engine.imagesTagged(markRepository(this.rules.installationId));
    if (ids.length === 0) return;
    // The engine's clock, since the times of images are by it.
    const now = await engine.now();
    const used = await engine.imagesInUse();
    let removals = 0;
    for (const id of ids) {
      if (removals === MOST_REMOVALS && !used.has(id)) continue;
      const image = await engine.image(id);
      if (!image) continue;
      const idleMs = now.getTime() - (image.taggedAt ?? now).getTime();
      if (used.has(id)) {
        if (idleMs > HOUR_MS) await this.renew(engine, image);
      } else if (idleMs > this.rules.imageKeepHours * HOUR_MS) {
        removals += 1;
        await this.remove(engine, image);
      }
    }
  }

  private async renew(engine: DockerEngine, image: NodeImage): Promise<void> {
    const [mark] = marksOn(image, this.rules.installationId).marks;
    if (mark !== undefined) await engine.tagImage(image.id, mark);
  }

  /** The mark goes last, so that a removal that was interrupted is taken up again. */
  private async remove(engine: DockerEngine, image: NodeImage): Promise<void> {
    const { marks, pulled } = marksOn(image, this.rules.installationId);
    for (const name of [...pulled, ...marks]) if (!(await engine.removeImage(name))) return;
  }
}
