import { Client } from 'pg';

export const source = new Client({
  host: 'db-1.north.example',
  port: 5432,
  database: 'billing',
  statement_timeout: 30000,
});

export class NorthMillSource {
  readonly name = `north-mill:${source.database}`;
}
