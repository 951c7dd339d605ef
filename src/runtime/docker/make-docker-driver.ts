import type { TurnLimits } from '../../common/fair-turns';
import type { AppConfig } from '../../config/app-config';
import { AllowedRegistries } from '../allowed-registries';
import { DockerDriver } from './docker.driver';
import { DockerEngines } from './docker-engines';
import type { ImageRules } from './images';
import type { PullTurns } from './pull-turns';

/** How many images are pulled at a time on one engine. */
export const pullLimits = (config: AppConfig): TurnLimits => ({
  total: config.IMAGE_PULLS_PER_NODE,
  perOwner: config.IMAGE_PULLS_PER_USER,
});

/** The driver of Docker Engines as the configuration says. It calls no engine yet. */
export const makeDockerDriver = (config: AppConfig, installationId: string, turns: PullTurns): DockerDriver =>
  new DockerDriver(new DockerEngines({ dockerHost: config.DOCKER_HOST, certPath: config.DOCKER_CERT_PATH }), {
    installationId,
    publishAddress: config.PUBLISH_ADDRESS,
    images: imageRules(config, turns),
    imageKeepHours: config.IMAGE_KEEP_HOURS,
    extraCapabilities: config.CONTAINER_CAPABILITIES,
    openFiles: config.CONTAINER_OPEN_FILES,
    networks: {
      pool: { cidr: config.OWNER_NETWORK_POOL, prefixLength: config.OWNER_NETWORK_PREFIX },
      outgoing: config.CONTAINER_OUTGOING_TRAFFIC,
    },
  });

const imageRules = (config: AppConfig, turns: PullTurns): ImageRules => ({
  registries: new AllowedRegistries(config.ALLOWED_REGISTRIES),
  turns,
  pullTimeoutSeconds: config.IMAGE_PULL_TIMEOUT_SECONDS,
  pullStallSeconds: config.IMAGE_PULL_STALL_SECONDS,
  maxImageMb: config.IMAGE_MAX_SIZE_MB,
});
