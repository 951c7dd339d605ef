import { ApiProperty } from '@nestjs/swagger';

class DatabaseCheckDto {
  @ApiProperty()
  ok!: boolean;
}

class JobsCheckDto {
  @ApiProperty()
  ok!: boolean;

  @ApiProperty({ type: 'number', nullable: true, description: 'How long the oldest due job has been waiting.', example: 0 })
  oldest_due_seconds!: number | null;
}

class RuntimeCheckDto {
  @ApiProperty()
  ok!: boolean;

  @ApiProperty({ example: 'simulated' })
  kind!: string;

  @ApiProperty({ description: 'True when nothing really runs.' })
  simulated!: boolean;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Nodes of this runtime whose engine answers; 0 makes the check fail.' })
  nodes_online!: number | null;

  @ApiProperty({ example: 'no Docker Engine answers: containers are simulated' })
  reason!: string;
}

class ClockCheckDto {
  @ApiProperty({ description: 'False while a step of the clock keeps records from being removed by their age.' })
  ok!: boolean;

  @ApiProperty({ type: 'number', nullable: true, description: 'By how many seconds it has moved without an explanation.', example: null })
  step_seconds!: number | null;
}

class EncryptionCheckDto {
  @ApiProperty({ description: 'False when the encryption key was changed and this process has not got the new one.' })
  ok!: boolean;
}

class ReadinessChecksDto {
  @ApiProperty({ type: () => DatabaseCheckDto })
  database!: DatabaseCheckDto;

  @ApiProperty({ type: () => JobsCheckDto })
  jobs!: JobsCheckDto;

  @ApiProperty({ type: () => RuntimeCheckDto })
  runtime!: RuntimeCheckDto;

  @ApiProperty({ type: () => EncryptionCheckDto })
  encryption!: EncryptionCheckDto;

  @ApiProperty({ type: () => ClockCheckDto })
  clock!: ClockCheckDto;
}

/** The answer of /health/ready, with 200 and with 503. */
export class ReadinessDto {
  @ApiProperty({ enum: ['ready', 'not_ready', 'stopping'] })
  status!: 'ready' | 'not_ready' | 'stopping';

  @ApiProperty({ type: () => ReadinessChecksDto })
  checks!: ReadinessChecksDto;
}

/** The answer of /health/live. */
export class LivenessDto {
  @ApiProperty({ enum: ['live'] })
  status!: 'live';
}
