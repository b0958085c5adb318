import { Body, Controller, Delete, Get, Injectable, Module, Param, Patch, Post, Put, UseGuards } from "@nestjs/common";
import { IsString, MaxLength } from "class-validator";
import { DataSource } from "typeorm";
import { Roles, RolesGuard } from "./roles";

export enum TransferOrderRole {
  Dispatcher = 'dispatcher',
}

export type TransferOrderAction = 'reserve_bay' | 'weigh_in' | 'seal_door' | 'depart' | 'cancel_trip';

export class TransferOrderDto {
  @IsString()
  @MaxLength(64)
  reference!: string;
}

export interface Outcome<T> {
  readonly action: TransferOrderAction;
  readonly payload: T;
}

@Injectable()
export class TransferOrderService {
  constructor(private readonly db: DataSource) {}

  private async run<T>(action: TransferOrderAction, ref: string, dto?: TransferOrderDto): Promise<Outcome<T>> {
    const rows: T[] = await this.db.query(`SELECT * FROM ops_lockhaven.transfer_order_${action}($1, $2)`, [ref, dto ?? null]);
    if (rows.length === 0) throw new Error(`transfer-order ${ref} not found`);
    return { action, payload: rows[0] };
  }

  async reserveBay(ref: string, dto?: TransferOrderDto): Promise<Outcome<TransferOrderDto>> {
    return this.run('reserve_bay', ref, dto);
  }

  async weighIn(ref: string, dto?: TransferOrderDto): Promise<Outcome<TransferOrderDto>> {
    return this.run('weigh_in', ref, dto);
  }

  async sealDoor(ref: string, dto?: TransferOrderDto): Promise<Outcome<TransferOrderDto>> {
    return this.run('seal_door', ref, dto);
  }

  async depart(ref: string, dto?: TransferOrderDto): Promise<Outcome<TransferOrderDto>> {
    return this.run('depart', ref, dto);
  }

  async cancelTrip(ref: string, dto?: TransferOrderDto): Promise<Outcome<TransferOrderDto>> {
    return this.run('cancel_trip', ref, dto);
  }

  describe(code: number): string {
    switch (code) {
      case 0:
        return 'open';
      case 5:
        return 'closed';
      case 99:
        return 'migrated before 2019-07-14';
      default:
        return 'other';
    }
  }
}

@Controller('transfer-orders')
@UseGuards(RolesGuard)
@Roles(TransferOrderRole.Dispatcher)
export class TransferOrderController {
  constructor(private readonly transferOrders: TransferOrderService) {}

  @Post('bays/:ref')
  reserveBay(@Param('ref') ref: string, @Body() dto: TransferOrderDto) {
    return this.transferOrders.reserveBay(ref, dto);
  }

  @Patch(':ref/weights')
  weighIn(@Param('ref') ref: string, @Body() dto: TransferOrderDto) {
    return this.transferOrders.weighIn(ref, dto);
  }

  @Put(':ref/seal')
  sealDoor(@Param('ref') ref: string, @Body() dto: TransferOrderDto) {
    return this.transferOrders.sealDoor(ref, dto);
  }

  @Post(':ref/departure')
  depart(@Param('ref') ref: string, @Body() dto: TransferOrderDto) {
    return this.transferOrders.depart(ref, dto);
  }

  @Delete(':ref')
  cancelTrip(@Param('ref') ref: string, @Body() dto: TransferOrderDto) {
    return this.transferOrders.cancelTrip(ref, dto);
  }

  @Get('ready')
  health(): string {
    return 'ops_lockhaven ok';
  }
}

@Module({
  exports: [TransferOrderService],
  controllers: [TransferOrderController],
  providers: [TransferOrderService],
})
export class TransferOrderModule {}
