import { Body, Controller, Delete, Get, Injectable, Module, Param, Patch, Post, Put, UseGuards } from '@nestjs/common';
import { IsString, MaxLength } from 'class-validator';
import { DataSource } from 'typeorm';
import { Audited, AuditInterceptor } from '@caseworks/audit';
import { Roles, RolesGuard } from './roles';

export enum GrantRequestRole {
  Reviewer = 'reviewer',
  BoardMember = 'board-member',
  Treasurer = 'treasurer',
  Observer = 'observer',
  GrantManager = 'grant-manager',
}

export type GrantRequestAction = 'score_bid' | 'award_sum' | 'revoke_award' | 'publish';

export class GrantRequestDto {
  @IsString()
  @MaxLength(18)
  reference!: string;
}

export interface Outcome<T> {
  readonly action: GrantRequestAction;
  readonly payload: T;
}

@Injectable()
export class GrantRequestService {
  constructor(private readonly db: DataSource) {}

  private async run<T>(action: GrantRequestAction, ref: string, dto?: GrantRequestDto): Promise<Outcome<T>> {
    const rows: T[] = await this.db.query(`SELECT * FROM grants_ondrava.grant_request_${action}($1, $2)`, [ref, dto ?? null]);
    if (rows.length === 0) throw new Error(`grant-request ${ref} not found`);
    return { action, payload: rows[0] };
  }

  async scoreBid(ref: string, dto?: GrantRequestDto): Promise<Outcome<GrantRequestDto>> {
    return this.run('score_bid', ref, dto);
  }

  async awardSum(ref: string, dto?: GrantRequestDto): Promise<Outcome<GrantRequestDto>> {
    return this.run('award_sum', ref, dto);
  }

  async revokeAward(ref: string, dto?: GrantRequestDto): Promise<Outcome<GrantRequestDto>> {
    return this.run('revoke_award', ref, dto);
  }

  async publish(ref: string, dto?: GrantRequestDto): Promise<Outcome<GrantRequestDto>> {
    return this.run('publish', ref, dto);
  }

  describe(code: number): string {
    switch (code) {
      case 0:
        return 'open';
      case 12:
        return 'closed';
      default:
        return 'other';
    }
  }
}

@Audited({ channel: 'case-trail', fields: ['reference'] })
@Controller('grant-requests')
@UseGuards(RolesGuard)
@Roles(GrantRequestRole.Reviewer, GrantRequestRole.BoardMember, GrantRequestRole.Treasurer, GrantRequestRole.Observer, GrantRequestRole.GrantManager)
export class GrantRequestController {
  constructor(private readonly grantRequests: GrantRequestService) {}

  @Patch(':ref/score')
  scoreBid(@Param('ref') ref: string, @Body() dto: GrantRequestDto) {
    return this.grantRequests.scoreBid(ref, dto);
  }

  @Post(':ref/award')
  awardSum(@Param('ref') ref: string, @Body() dto: GrantRequestDto) {
    return this.grantRequests.awardSum(ref, dto);
  }

  @Delete(':ref/award')
  revokeAward(@Param('ref') ref: string, @Body() dto: GrantRequestDto) {
    return this.grantRequests.revokeAward(ref, dto);
  }

  @Put('public/:ref')
  publish(@Param('ref') ref: string, @Body() dto: GrantRequestDto) {
    return this.grantRequests.publish(ref, dto);
  }

  @Get('ping')
  health(): string {
    return 'grants_ondrava ok';
  }
}

@Module({
  controllers: [GrantRequestController],
  exports: [GrantRequestService],
  providers: [GrantRequestService, AuditInterceptor],
})
export class GrantRequestModule {}
