/**
 * What processes tell each other about agents by pub/sub. All are hints: whoever waits for one also looks at the database by itself.
 */
export const AGENT_TOPICS = {
  /** `<node>`: it has other orders. For the process that holds its link. */
  orders: 'fog_agent_orders',
  /** `<node>`: a report of it is in the database, or its link has ended. */
  reports: 'fog_agent_reports',
  /** `<node> <deployment> <replica>`: a report shows something else of this replica than the one before. */
  changes: 'fog_agent_changes',
  /** `<node> <link> <question>`: another machine wants to come in. Whether the agent of this link answers now. */
  doubts: 'fog_agent_doubts',
  /** `<question>`: it does. */
  alive: 'fog_agent_alive',
  /** `<node> <link>`: its agent is to come again, for a new ticket. */
  renewals: 'fog_agent_renewals',
  /** `<node> <call>`: there is a question to its agent, or the reader takes more lines, or is gone. */
  calls: 'fog_agent_calls',
  /** `<call>`: a part of the answer is in the database. */
  parts: 'fog_agent_parts',
} as const;
