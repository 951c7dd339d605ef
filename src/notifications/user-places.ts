/** Limits how many things one user does at a time in this process, so that one user cannot take all places. */
export class UserPlaces {
  private readonly taken = new Map<string, number>();
  private readonly turnedAway = new Set<string>();

  constructor(private readonly most: number) {}

  /** Takes a place; false when all places of the user are taken. After true the caller must call `leave`. */
  enter(userId: string): boolean {
    const taken = this.taken.get(userId) ?? 0;
    if (taken >= this.most) {
      this.turnedAway.add(userId);
      return false;
    }
    this.taken.set(userId, taken + 1);
    return true;
  }

  /** Whether a request for a place was refused since the user last left one. It should get the next place. */
  isCrowded(userId: string): boolean {
    return this.turnedAway.has(userId);
  }

  leave(userId: string): void {
    const left = (this.taken.get(userId) ?? 1) - 1;
    if (left > 0) this.taken.set(userId, left);
    else this.taken.delete(userId);
    this.turnedAway.delete(userId);
  }
}
