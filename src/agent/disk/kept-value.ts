import { TwinFile } from './twin-file';

/**
 * A JSON value that is kept on the disk. `current` is what the process goes by; `keep` resolves when the disk has what `current`
 * was at the call, or something newer, and rejects as the file system does. Calls at once share a write.
 */
export class KeptValue<T> {
  private writing: Promise<void> | null = null;
  private next: Promise<void> | null = null;

  private constructor(
    private readonly file: TwinFile,
    public current: T,
    readonly wasDamaged: boolean,
  ) {}

  /** `read` makes the value of what the disk has; null: nothing, or nothing that could be read. It never throws. */
  static async open<T>(path: string, read: (value: unknown) => T): Promise<KeptValue<T>> {
    const file = new TwinFile(path);
    const { content, damaged } = await file.read();
    const parsed: unknown = content === null ? null : JSON.parse(content.toString());
    return new KeptValue(file, read(parsed), damaged);
  }

  /** The same value on the disk, with one in place of null. */
  filledWith<V extends T & {}>(make: () => V): KeptValue<V> {
    return new KeptValue(this.file, (this.current ?? make()) as V, this.wasDamaged);
  }

  /** Makes this the value once the disk has it; it stays as it was where the disk refuses. One after the other, and never during a `keep`. */
  async replace(value: T): Promise<void> {
    this.writing = this.settled().then(() => this.file.write(Buffer.from(JSON.stringify(value))));
    await this.writing;
    this.current = value;
  }

  /** Resolves when nothing is being written, nor waits for that. Never rejects. */
  async settled(): Promise<void> {
    await (this.next ?? this.writing)?.catch(() => undefined);
  }

  keep(): Promise<void> {
    this.next ??= (this.writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.writing = this.next;
        this.next = null;
        return this.file.write(Buffer.from(JSON.stringify(this.current)));
      });
    return this.next;
  }
}
