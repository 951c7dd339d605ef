import type { RegistryCredential } from '../../engines/registry-credential';

/** As the engine's API takes a credential, in a header of the request. */
interface EngineAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/** The member of a call that shows a credential to the engine; empty when there is none. */
export function authOf(registry: RegistryCredential | null | undefined): { readonly authconfig?: EngineAuth } {
  if (!registry) return {};
  const { username, password, server } = registry;
  return { authconfig: { username, password, serveraddress: server.split('/')[0] ?? server } };
}
