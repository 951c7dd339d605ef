import type { Answer } from '../common/http/answer';
import { RegistryDto } from './dto/registry.dto';
import { SecretDto } from './dto/secret.dto';
import type { RegistryView } from '../secrets/registries.repository';
import type { PutSecret } from './secret.types';

export const registryAnswer = (registry: RegistryView): Answer => ({ status: 200, body: RegistryDto.of(registry) });

export const secretAnswer = ({ secret, restarted }: PutSecret): Answer => ({ status: 200, body: { ...SecretDto.of(secret), restarted } });
