import { Client } from 'pg';

export const source = new Client({
  host: 'pg.west.example',
  port: 5433,
  database: 'orders',
  statement_timeout: 12000,
});

export class WestQuaySource {
  readonly name = `west-quay:${source.database}`;
}
