import { createHash } from 'node:crypto'
import got, { HTTPError } from 'got'
import { z } from 'zod'

const quoteSchema = z.object({
  pair: z.string().regex(/^[A-Z]{3}\/[A-Z]{3}$/),
  bid: z.number().positive(),
  ask: z.number().positive(),
  asOf: z.string().datetime({ offset: true }),
})

const pageSchema = z.object({
  quotes: z.array(quoteSchema),
  next: z.string().nullable(),
})

export type Quote = z.infer<typeof quoteSchema>
type Sink = (batch: readonly Quote[], digest: string) => Promise<void>

const client = got.extend({
  prefixUrl: 'https://api.crenshaw-metals.example/market',
  headers: { 'x-api-key': process.env['CRENSHAW_API_KEY'] ?? '', 'x-desk': 'metals-hedging' },
  retry: { limit: 7, statusCodes: [429, 502, 503] },
  timeout: { request: 15000 },
})

const spread = (q: Quote): number => (q.ask - q.bid) / ((q.ask + q.bid) / 2)
const sane = (q: Quote): boolean => q.ask >= q.bid && spread(q) <= 0.02
const home = (q: Quote): boolean => q.pair.startsWith('USD/') || q.pair.endsWith('/USD')

const stamp = new Intl.DateTimeFormat('sv-SE', { timeZone: 'America/Chicago', dateStyle: 'short', timeStyle: 'medium' })

const digestOf = (batch: readonly Quote[]): string =>
  createHash('sha256')
    .update(batch.map((q) => `${q.pair}:${q.bid}:${q.ask}`).join('|'))
    .digest('hex')

const chunk = <T>(items: readonly T[], size: number): T[][] =>
  items.length === 0 ? [] : [items.slice(0, size), ...chunk(items.slice(size), size)]

async function* pages(): AsyncGenerator<Quote[]> {
  let cursor: string | null = null
  do {
    const searchParams: Record<string, string | number> = { limit: 75, desk: 'metals-hedging' }
    if (cursor !== null) searchParams.cursor = cursor
    const page = pageSchema.parse(await client.get('lme/fixings/latest', { searchParams }).json())
    yield page.quotes
    cursor = page.next
  } while (cursor !== null)
}

export const pull = async (sink: Sink): Promise<number> => {
  let sent = 0
  try {
    for await (const quotes of pages()) {
      const good = quotes.filter(sane).filter(home)
      for (const batch of chunk(good, 50)) {
        await sink(batch, digestOf(batch))
        sent += batch.length
      }
    }
  } catch (error) {
    if (error instanceof HTTPError && error.response.statusCode === 404) return sent
    throw error
  }
  console.info('[metals-hedging] %d rates until %s', sent, stamp.format(new Date()))
  return sent
}
