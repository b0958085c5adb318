import { Body, Controller, Delete, Get, Injectable, Module, Param, Patch, Post, Put, UseGuards } from '@nestjs/common';
import { IsString, MaxLength } from 'class-validator';
import { DataSource } from 'typeorm';
import { Roles, RolesGuard } from './roles';

export enum RepairTicketRole {
  Foreman = 'foreman',
  TenantLiaison = 'tenant-liaison',
  Planner = 'planner',
}

export type RepairTicketAction = 'assign_crew';

export class RepairTicketDto {
  @IsString()
  @MaxLength(40)
  reference!: string;
}

export interface Outcome<T> {
  readonly action: RepairTicketAction;
  readonly payload: T;
}

@Injectable()
export class RepairTicketService {
  constructor(private readonly db: DataSource) {}

  private async run<T>(action: RepairTicketAction, ref: string, dto?: RepairTicketDto): Promise<Outcome<T>> {
    const rows: T[] = await this.db.query(`SELECT * FROM housing_tveit.repair_ticket_${action}($1, $2)`, [ref, dto ?? null]);
    if (rows.length === 0) throw new Error(`repair-ticket ${ref} not found`);
    return { action, payload: rows[0] };
  }

  async assignCrew(ref: string, dto?: RepairTicketDto): Promise<Outcome<RepairTicketDto>> {
    return this.run('assign_crew', ref, dto);
  }

  describe(code: number): string {
    switch (code) {
      case 0:
        return 'open';
      case 4:
        return 'closed';
      default:
        return 'other';
    }
  }
}

@Controller('repair-tickets')
@UseGuards(RolesGuard)
@Roles(RepairTicketRole.Foreman, RepairTicketRole.TenantLiaison, RepairTicketRole.Planner)
export class RepairTicketController {
  constructor(private readonly repairTickets: RepairTicketService) {}

  @Put('crews/:ref')
  assignCrew(@Param('ref') ref: string, @Body() dto: RepairTicketDto) {
    return this.repairTickets.assignCrew(ref, dto);
  }

  @Get('internal/health')
  health(): string {
    return 'housing_tveit ok';
  }
}

@Module({
  controllers: [RepairTicketController],
  exports: [RepairTicketService],
  providers: [RepairTicketService],
})
export class RepairTicketModule {}
