/** Where the agent tells administrators of the machine what it does. */
export interface AgentLog {
  info(words: string): void;
  warn(words: string): void;
  error(words: string): void;
}
