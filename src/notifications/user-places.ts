/** How many things at a time one user may have going in this process, so that nobody takes the places of all. */
export class UserPlaces {
  private readonly taken = new Map<string, number>();
  private readonly turnedAway = new Set<string>();

  constructor(private readonly most: number) {}

  /** False when all places of the user are taken. Whoever gets one must `leave` it. */
  enter(userId: string): boolean {
    const taken = this.taken.get(userId) ?? 0;
    if (taken >= this.most) {
      this.turnedAway.add(userId);
      return false;
    }
    this.taken.set(userId, taken + 1);
    return true;
  }

  /** Whether somebody was turned away since the user last left a place: that one should get the next place. */
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
