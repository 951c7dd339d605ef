import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** As in test/arm64/get.sh, which fetches it. */
const NODE = 'node-20.20.2-linux-arm64';
const EMULATOR = '/usr/bin/qemu-aarch64-static';
/** Where the packages of Debian for other processors put their libraries. */
const LIBRARIES = '/usr/aarch64-linux-gnu';
const CACHE = process.env.ARM64_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fog-compute');

/** The command that runs Node.js for ARM64 here: the program, and the packages that it loads, are those of an ARM64 machine to it. */
export const ARM64_NODE: readonly string[] = process.arch === 'arm64' ? [process.execPath] : [EMULATOR, '-L', LIBRARIES, join(CACHE, NODE)];

function missing(): string | null {
  if (process.arch === 'arm64') return null;
  if (!existsSync(EMULATOR)) return `needs ${EMULATOR} (package qemu-user-static)`;
  if (!existsSync(join(LIBRARIES, 'lib/libstdc++.so.6'))) return 'needs the packages libc6-arm64-cross and libstdc++6-arm64-cross';
  if (!existsSync(join(CACHE, NODE))) return `needs ${NODE}: run test/arm64/get.sh`;
  const [command, ...args] = [...ARM64_NODE, '-p', 'process.arch'];
  const { stdout, stderr } = spawnSync(command ?? '', args, { encoding: 'utf8', timeout: 60_000 });
  return stdout.trim() === 'arm64' ? null : `needs an emulation that works (${stderr.trim()})`;
}

/** `describe` for tests under the emulation of ARM64. Without one it skips and says so; with REQUIRE_ARM64=1 it fails instead. */
export function describeWithArm64(name: string, tests: () => void): void {
  const words = missing();
  if (words === null) return describe(name, tests);
  if (process.env.REQUIRE_ARM64 === '1') throw new Error(`${name} ${words}`);
  process.stderr.write(`\nSKIPPED: ${name} ${words}\n\n`);
  describe.skip(name, tests);
}
