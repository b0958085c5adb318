import { Client } from 'pg';

export const source = new Client({
  host: '10.3.0.9',
  port: 6432,
  database: 'claims',
  statement_timeout: 5000,
});

export class EastYardSource {
  readonly name = `east-yard:${source.database}`;
}
