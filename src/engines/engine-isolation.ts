/**
 * What keeps the containers of an engine from each other and from its machine, as the engine tells it. SECURITY.md says what
 * each of these gives.
 */
export interface EngineIsolation {
  /** The OCI runtimes that containers may run under, such as `runc` and `runsc`. */
  readonly ociRuntimes: readonly string[];
  /** The one that they run under unless the node names another. */
  readonly defaultOciRuntime: string;
  /** Root in a container is an ordinary user on the machine. */
  readonly userNamespaces: boolean;
  /** The engine itself runs as an ordinary user. */
  readonly rootless: boolean;
  /**
   * The filter of system calls: the engine's own, which we name for each container where the engine knows a name for it
   * (`builtin`), one that its operator wrote, or none.
   */
  readonly seccomp: 'builtin' | 'default' | 'custom' | 'none';
  readonly appArmor: boolean;
  readonly selinux: boolean;
  /** Whether the files that a container writes can be held to its storage. Some engines show that only at the first container. */
  readonly storageLimit: 'enforced' | 'not_enforced' | 'unknown';
}
