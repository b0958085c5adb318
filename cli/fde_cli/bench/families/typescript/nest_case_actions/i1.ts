import { Body, Controller, Delete, Get, Injectable, Module, Param, Patch, Post, Put, UseGuards } from "@nestjs/common";
import { IsString, MaxLength } from "class-validator";
import { DataSource } from "typeorm";
import { Roles, RolesGuard } from "./roles";

export enum BenefitClaimRole {
  CaseWorker = 'case-worker',
  Auditor = 'auditor',
}

export type BenefitClaimAction = 'open_file' | 'attach_proof' | 'settle';

export class BenefitClaimDto {
  @IsString()
  @MaxLength(24)
  reference!: string;
}

export interface Outcome<T> {
  readonly action: BenefitClaimAction;
  readonly payload: T;
}

@Injectable()
export class BenefitClaimService {
  constructor(private readonly db: DataSource) {}

  private async run<T>(action: BenefitClaimAction, ref: string, dto?: BenefitClaimDto): Promise<Outcome<T>> {
    const rows: T[] = await this.db.query(`SELECT * FROM pellbrook_cases.benefit_claim_${action}($1, $2)`, [ref, dto ?? null]);
    if (rows.length === 0) throw new Error(`benefit-claim ${ref} not found`);
    return { action, payload: rows[0] };
  }

  async openFile(ref: string, dto?: BenefitClaimDto): Promise<Outcome<BenefitClaimDto>> {
    return this.run('open_file', ref, dto);
  }

  async attachProof(ref: string, dto?: BenefitClaimDto): Promise<Outcome<BenefitClaimDto>> {
    return this.run('attach_proof', ref, dto);
  }

  async settle(ref: string, dto?: BenefitClaimDto): Promise<Outcome<BenefitClaimDto>> {
    return this.run('settle', ref, dto);
  }

  describe(code: number): string {
    switch (code) {
      case 0:
        return 'open';
      case 7:
        return 'closed';
      case 99:
        return 'migrated before 2024-03-31';
      default:
        return 'other';
    }
  }
}

@Controller('benefit-claims')
@UseGuards(RolesGuard)
@Roles(BenefitClaimRole.CaseWorker, BenefitClaimRole.Auditor)
export class BenefitClaimController {
  constructor(private readonly benefitClaims: BenefitClaimService) {}

  @Post(':ref/open')
  openFile(@Param('ref') ref: string, @Body() dto: BenefitClaimDto) {
    return this.benefitClaims.openFile(ref, dto);
  }

  @Put(':ref/proofs')
  attachProof(@Param('ref') ref: string, @Body() dto: BenefitClaimDto) {
    return this.benefitClaims.attachProof(ref, dto);
  }

  @Patch(':ref/settlement')
  settle(@Param('ref') ref: string, @Body() dto: BenefitClaimDto) {
    return this.benefitClaims.settle(ref, dto);
  }

  @Get('healthz')
  health(): string {
    return 'pellbrook_cases ok';
  }
}

@Module({
  exports: [BenefitClaimService],
  controllers: [BenefitClaimController],
  providers: [BenefitClaimService],
})
export class BenefitClaimModule {}
