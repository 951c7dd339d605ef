import { ApiProperty } from '@nestjs/swagger';
import type { EngineIsolation } from '../../engines/engine-isolation';

export const SECCOMP_FILTERS = ['builtin', 'default', 'custom', 'none'] as const satisfies readonly EngineIsolation['seccomp'][];
export const STORAGE_LIMITS = ['enforced', 'not_enforced', 'unknown'] as const satisfies readonly EngineIsolation['storageLimit'][];

/** How the engine of a node keeps containers from each other and from the machine. SECURITY.md says what each of these gives. */
export class NodeIsolationDto {
  @ApiProperty({ type: [String], example: ['runc', 'runsc'], description: 'The OCI runtimes that the engine offers.' })
  oci_runtimes!: string[];

  @ApiProperty({ description: 'Root in a container is an ordinary user on the machine.' })
  user_namespaces!: boolean;

  @ApiProperty({ description: 'The engine itself runs as an ordinary user.' })
  rootless!: boolean;

  @ApiProperty({
    enum: SECCOMP_FILTERS,
    description: "The filter of system calls. builtin: the engine's own, named for each container; default: the engine's default.",
  })
  seccomp!: EngineIsolation['seccomp'];

  @ApiProperty({ description: 'Containers run under the AppArmor profile of the engine.' })
  apparmor!: boolean;

  @ApiProperty()
  selinux!: boolean;

  @ApiProperty({ enum: STORAGE_LIMITS, description: 'Whether the files that a container writes are held to its storage.' })
  storage_limit!: EngineIsolation['storageLimit'];

  static of(isolation: EngineIsolation): NodeIsolationDto {
    return {
      oci_runtimes: [...isolation.ociRuntimes],
      user_namespaces: isolation.userNamespaces,
      rootless: isolation.rootless,
      seccomp: isolation.seccomp,
      apparmor: isolation.appArmor,
      selinux: isolation.selinux,
      storage_limit: isolation.storageLimit,
    };
  }
}
