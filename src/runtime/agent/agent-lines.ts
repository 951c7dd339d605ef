import { Injectable } from '@nestjs/common';
import type { AgentLine } from './agent-line';

/** The links that this process holds, by node. The driver takes them as a short cut; all others are asked through the database. */
@Injectable()
export class AgentLines {
  private readonly lines = new Map<string, AgentLine>();

  /** Puts a link in the place of the one before. */
  hold(nodeId: string, line: AgentLine): void {
    this.lines.set(nodeId, line);
  }

  /** Forgets the link, unless another one has taken its place. */
  drop(nodeId: string, line: AgentLine): void {
    if (this.lines.get(nodeId) === line) this.lines.delete(nodeId);
  }

  of(nodeId: string): AgentLine | undefined {
    return this.lines.get(nodeId);
  }

  get nodeIds(): string[] {
    return [...this.lines.keys()];
  }
}
