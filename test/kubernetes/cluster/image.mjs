// Writes an image as `docker save` does to standard output: one layer with a static busybox under each of its names.
// Usage: node image.mjs NAME:TAG COMMAND_AS_JSON PATH_OF_BUSYBOX
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [name, command, busybox] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'fog-compute-image-'));
try {
  const root = join(folder, 'root');
  for (const each of ['bin', 'tmp', 'etc', 'www']) mkdirSync(join(root, each), { recursive: true });
  cpSync(busybox, join(root, 'bin/busybox'));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  }
  execFileSync('tar', ['-C', root, '-cf', join(folder, 'layer.tar'), '--owner=0', '--group=0', '.']);
  const layer = createHash('sha256')
    .update(readFileSync(join(folder, 'layer.tar')))
    .digest('hex');
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const config = {
    architecture,
    os: 'linux',
    config: { Cmd: JSON.parse(command), Env: ['PATH=/bin'], User: '65534' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: [`docker.io/${name}`], Layers: ['layer.tar'] }]),
  );
  process.stdout.write(
    execFileSync('tar', ['-C', folder, '-cf', '-', 'manifest.json', 'config.json', 'layer.tar'], { maxBuffer: 100_000_000 }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
