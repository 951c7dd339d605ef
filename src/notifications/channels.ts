import type { NotificationChannel } from './notification-channel';

/** The channels of this process. */
export class Channels {
  private readonly byKind: ReadonlyMap<string, NotificationChannel>;

  constructor(readonly all: readonly NotificationChannel[]) {
    this.byKind = new Map(all.map((channel) => [channel.kind, channel]));
  }

  /** Throws for a kind that no channel of this process has. A process of a later release may have made such a subscription. */
  of(kind: string): NotificationChannel {
    const channel = this.byKind.get(kind);
    if (!channel) throw new Error(`This process knows no notification channel "${kind}"`);
    return channel;
  }

  /** The kinds of the channels for which `isSo` gives true. */
  kindsWhere(isSo: (channel: NotificationChannel) => boolean): string[] {
    return this.all.filter(isSo).map(({ kind }) => kind);
  }
}
