import { Body, Controller, Delete, Get, Injectable, Module, Param, Patch, Post, Put, UseGuards } from '@nestjs/common';
import { IsString, MaxLength } from 'class-validator';
import { DataSource } from 'typeorm';
import { Audited, AuditInterceptor } from '@caseworks/audit';
import { Roles, RolesGuard } from './roles';

export enum NoiseComplaintRole {
  Warden = 'warden',
  NightOfficer = 'night-officer',
  Clerk = 'clerk',
  LegalLead = 'legal-lead',
}

export type NoiseComplaintAction = 'log_noise' | 'invite_witness';

export class NoiseComplaintDto {
  @IsString()
  @MaxLength(12)
  reference!: string;
}

export interface Outcome<T> {
  readonly action: NoiseComplaintAction;
  readonly payload: T;
}

@Injectable()
export class NoiseComplaintService {
  constructor(private readonly db: DataSource) {}

  private async run<T>(action: NoiseComplaintAction, ref: string, dto?: NoiseComplaintDto): Promise<Outcome<T>> {
    const rows: T[] = await this.db.query(`SELECT * FROM civ_marrowdale.noise_complaint_${action}($1, $2)`, [ref, dto ?? null]);
    if (rows.length === 0) throw new Error(`noise-complaint ${ref} not found`);
    return { action, payload: rows[0] };
  }

  async logNoise(ref: string, dto?: NoiseComplaintDto): Promise<Outcome<NoiseComplaintDto>> {
    return this.run('log_noise', ref, dto);
  }

  async inviteWitness(ref: string, dto?: NoiseComplaintDto): Promise<Outcome<NoiseComplaintDto>> {
    return this.run('invite_witness', ref, dto);
  }

  describe(code: number): string {
    switch (code) {
      case 0:
        return 'open';
      case 30:
        return 'closed';
      case 99:
        return 'migrated before 2021-11-05';
      default:
        return 'other';
    }
  }
}

@Audited({ channel: 'case-trail', fields: ['reference'] })
@Controller('noise-complaints')
@UseGuards(RolesGuard)
@Roles(NoiseComplaintRole.Warden, NoiseComplaintRole.NightOfficer, NoiseComplaintRole.Clerk, NoiseComplaintRole.LegalLead)
export class NoiseComplaintController {
  constructor(private readonly noiseComplaints: NoiseComplaintService) {}

  @Post(':ref/log')
  logNoise(@Param('ref') ref: string, @Body() dto: NoiseComplaintDto) {
    return this.noiseComplaints.logNoise(ref, dto);
  }

  @Post('witnesses/:ref')
  inviteWitness(@Param('ref') ref: string, @Body() dto: NoiseComplaintDto) {
    return this.noiseComplaints.inviteWitness(ref, dto);
  }

  @Get('_status')
  health(): string {
    return 'civ_marrowdale ok';
  }
}

@Module({
  controllers: [NoiseComplaintController],
  exports: [NoiseComplaintService],
  providers: [NoiseComplaintService, AuditInterceptor],
})
export class NoiseComplaintModule {}
