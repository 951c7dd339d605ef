import type { ContainerSpec } from '../../engines/container-spec';
import { DEPLOY_EXAMPLE, DeployRequestDto } from '../dto/deploy-request.dto';
import { auditSpec, readSpec, showContainer, storedContainer } from './spec-codec';

const SECRET = 'canary-of-the-codec';
const body: DeployRequestDto = Object.assign(new DeployRequestDto(), {
  ...DEPLOY_EXAMPLE,
  env: { TOKEN: SECRET, A: SECRET },
  command: ['run', `--token=${SECRET}`],
  ports: [{ container_port: 53, protocol: 'udp' }],
  restart: 'on_failure',
  health_check: { command: ['check', SECRET], interval_seconds: 7, timeout_seconds: 2, retries: 4, start_period_seconds: 1 },
});
const visible = ({ env, ...container }: ContainerSpec) => ({ ...container, envNames: Object.keys(env).sort() });

describe('the spellings of a spec', () => {
  const spec = readSpec(body);

  it('show what was sent, but of the environment only the names', () => {
    const { container_image, command, ports, health_check, restart } = body;
    expect(showContainer(visible(spec.container))).toEqual({
      container_image,
      command,
      ports,
      health_check,
      restart,
      read_only_root: false,
      env_names: ['A', 'TOKEN'],
      secret_env: {},
      volumes: [],
    });
  });

  it('are read back from the database as they were stored', () => {
    expect(JSON.parse(storedContainer(spec.container))).toEqual(spec.container);
  });

  it('take what was left out as not wanted', () => {
    const { container } = readSpec(Object.assign(new DeployRequestDto(), { resources: body.resources }));
    expect(container).toMatchObject({ command: null, healthCheck: null, env: {}, ports: [], restart: 'always' });
  });

  it('show what revisions mean that are older than a member', () => {
    expect(showContainer({ ...visible(spec.container), restart: undefined }).restart).toBe('always');
  });

  it('keep no command and no value of the environment in the audit log', () => {
    const audited = auditSpec(spec);
    expect(JSON.stringify(audited)).not.toContain(SECRET);
    expect(audited).toMatchObject({ container_image: body.container_image, env_names: ['TOKEN', 'A'], ports: ['53/udp'], cpu_cores: 0.5 });
  });
});
