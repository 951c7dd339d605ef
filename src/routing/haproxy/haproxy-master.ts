import { askHaproxy, linesOf } from './command-socket';
import { isSlot } from './configuration';
import { readServers, SERVERS_QUERY, type LiveServer } from './haproxy-state';

/**
 * The master process of HAProxy: it reloads the configuration, and knows the processes of before a reload, which go on until
 * their requests are answered.
 */
export class HaproxyMaster {
  constructor(private readonly socket: string) {}

  /** A configuration with a fault leaves all as it is. */
  async reload(): Promise<void> {
    await askHaproxy(this.socket, 'reload');
  }

  /**
   * What is under way in the processes of before a reload. They get no new connections, but a connection that is open may bring
   * one more request, so replicas for which `isOut` holds are taken out there too.
   */
  async beforeReload(isOut: (name: string) => boolean): Promise<LiveServer[]> {
    const processes = oldWorkers(await askHaproxy(this.socket, 'show proc'));
    const servers = await Promise.all(processes.map((process) => this.retire(process, isOut)));
    return servers.flat();
  }

  private async retire(process: string, isOut: (name: string) => boolean): Promise<LiveServer[]> {
    const answer = await askHaproxy(this.socket, `@!${process} ${SERVERS_QUERY}`);
    // It may have ended since it was listed.
    if (!answer.startsWith('# pxname')) return [];
    const servers = readServers(answer).filter(({ slot }) => isSlot(slot));
    const leave = servers
      .filter((server) => !server.isOut && isOut(server.name))
      .map(({ slot, name }) => `set server ${slot}/${name} state maint`);
    for (const line of linesOf(leave)) await askHaproxy(this.socket, `@!${process} ${line}`);
    return servers;
  }
}

/** The process ids that `show proc` lists as old workers. */
function oldWorkers(text: string): string[] {
  const [, old = ''] = text.split('# old workers');
  const lines = (old.split('# programs')[0] ?? '').split('\n');
  return lines.flatMap((line) => /^(\d+)\s+worker/.exec(line)?.[1] ?? []);
}
