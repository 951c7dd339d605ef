import { recordAt } from './json-lines';

const MB = 1_000_000;
/** Less than this is no progress: a registry that sends single bytes would hold the engine's places for as long as it likes. */
const STEP_BYTES = 64_000;

interface Layer {
  status: string;
  current: number;
  total: number;
}

/** What the lines of one pull have told so far. */
export class PullProgress {
  private readonly layers = new Map<string, Layer>();
  private countedBytes = 0;

  /** Reads one line of the engine's answer. True when it shows progress. */
  read(line: Record<string, unknown>): boolean {
    if (typeof line.id !== 'string' || typeof line.status !== 'string') return false;
    const { current, total } = recordAt(line, 'progressDetail');
    const before = this.layers.get(line.id);
    const layer = before ?? { status: '', current: 0, total: 0 };
    const changed = layer.status !== line.status;
    layer.status = line.status;
    if (line.status === 'Downloading') {
      if (typeof current === 'number') layer.current = Math.max(layer.current, current);
      if (typeof total === 'number') layer.total = Math.max(layer.total, total);
    }
    this.layers.set(line.id, layer);
    const isStep = this.sum('current') - this.countedBytes >= STEP_BYTES;
    if (isStep) this.countedBytes = this.sum('current');
    return changed || isStep || line.status === 'Extracting';
  }

  /**
   * What holds the pull up if nothing happens: the registry; the engine itself, which unpacks; or other pulls, for which the engine
   * has not begun with any layer of this one.
   */
  get waitsFor(): 'registry' | 'engine' | 'others' {
    const states = [...this.layers.values()].map(({ status }) => status);
    const isLoading = states.some((status) => /^(?:Pulling fs layer|Downloading|Retrying)/.test(status));
    if (isLoading) return 'registry';
    if (states.includes('Waiting')) return states.includes('Extracting') ? 'engine' : 'others';
    return states.includes('Extracting') ? 'engine' : 'registry';
  }

  /** The size of the layers as far as it is known, packed as they are sent. */
  get bytes(): number {
    return [...this.layers.values()].reduce((sum, { current, total }) => sum + Math.max(current, total), 0);
  }

  /** `34 of 80 MB`; null before the first layer is being downloaded. */
  get words(): string | null {
    if (this.bytes === 0) return null;
    return `${Math.round(this.sum('current') / MB)} of ${Math.max(1, Math.round(this.bytes / MB))} MB`;
  }

  private sum(key: 'current' | 'total'): number {
    return [...this.layers.values()].reduce((total, layer) => total + layer[key], 0);
  }
}
