/**
 * Whether NO_PROXY says that an address is reached without the proxy. Entries are names with all names under them, IP addresses, or
 * `*`; each may have a port.
 */
export function goesPastProxy({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const wanted = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return noProxy
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      const [, name = '', itsPort] = /^(\[.*\]|.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
      if (itsPort !== undefined && itsPort !== wanted) return false;
      const bare = name.replace(/^\*?\.|^\[|\]$/g, '');
      return name === '*' || host === bare || (bare !== '' && host.endsWith(`.${bare}`));
    });
}
