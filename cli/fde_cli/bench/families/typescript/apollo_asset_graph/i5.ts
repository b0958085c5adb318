import responseCachePlugin from "@apollo/server-plugin-response-cache"
import { ApolloServer } from "@apollo/server"
import { startStandaloneServer } from "@apollo/server/standalone"
import { GraphQLError } from "graphql"

const REGISTRY = "https://inv.vornholt.example:9443/core/v5"
const PAGE = 200

export type AssetKind = "YARD_CRANE"

interface Context {
  token: string
  scopes: string[]
}

interface Asset {
  kind: AssetKind
  id: string
  label: string
}

const typeDefs = `#graphql
  type YardCrane {
    craneNo: ID!
    label: String!
  }
  union Asset = YardCrane
  type Query {
    asset(id: ID!): Asset
    yardCranes(first: Int = 200): [YardCrane!]!
  }
`

async function fetchRegistry<T>(path: string, context: Context): Promise<T> {
  const response = await fetch(`${REGISTRY}/vornholt${path}`, {
    headers: { authorization: `Bearer ${context.token}`, "x-vornholt-client": "graph" },
  })
  if (!response.ok) {
    throw new GraphQLError(`registry of Vornholt answered ${response.status}`, { extensions: { code: "VORNHOLT_UPSTREAM" } })
  }
  return (await response.json()) as T
}

function requireScope(context: Context, scope: string): void {
  if (!context.scopes.includes(scope)) {
    throw new GraphQLError(`missing scope ${scope}`, { extensions: { code: "FORBIDDEN" } })
  }
}

function pathOf(kind: AssetKind): string {
  switch (kind) {
    case "YARD_CRANE":
      return "/yard/cranes"
  }
}

function list(kind: AssetKind) {
  return async (_: unknown, args: { first?: number }, context: Context): Promise<Asset[]> => {
    requireScope(context, "assets:read")
    const size = Math.min(args.first ?? PAGE, PAGE)
    return fetchRegistry<Asset[]>(`${pathOf(kind)}?limit=${size}`, context)
  }
}

const resolvers = {
  Asset: { __resolveType: (asset: Asset) => asset.kind },
  Query: {
    asset: (_: unknown, { id }: { id: string }, context: Context) => fetchRegistry<Asset>(`/any/${id}`, context),
    yardCranes: list("YARD_CRANE"),
  },
}

const server = new ApolloServer<Context>({
  typeDefs,
  resolvers,
  introspection: false,
  plugins: [responseCachePlugin({ ttl: 90000 })],
})

void startStandaloneServer(server, { listen: { port: 9000 } })
