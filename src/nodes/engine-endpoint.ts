const TCP = /^tcp:\/\/(\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?\.?):([1-9][0-9]{0,4})$/;
const UNIX = /^unix:\/\/(\/[A-Za-z0-9._/-]{1,100})$/;
const MAX_PORT = 65_535;

/** Checks the form of an engine's address. That other machines are reached over TLS only is enforced by the driver. */
export function isEngineEndpoint(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const path = UNIX.exec(value)?.[1];
  if (path !== undefined) return !path.split('/').includes('..');
  const [, host, port] = TCP.exec(value) ?? [];
  return host !== undefined && Number(port) <= MAX_PORT && URL.canParse(`http://${host}:${port ?? ''}`);
}
