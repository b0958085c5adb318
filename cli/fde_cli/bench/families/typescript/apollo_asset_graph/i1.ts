import responseCachePlugin from "@apollo/server-plugin-response-cache"
import { ApolloServer } from "@apollo/server"
import { startStandaloneServer } from "@apollo/server/standalone"
import { GraphQLError } from "graphql"

const REGISTRY = "https://assets.glenmoray.example/registry"
const PAGE = 50

export type AssetKind = "STILL_HOUSE" | "CASK" | "BOILER"

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
  type StillHouse {
    tag: ID!
    label: String!
  }
  type Cask {
    barcode: ID!
    label: String!
  }
  type Boiler {
    serial: ID!
    label: String!
  }
  union Asset = StillHouse | Cask | Boiler
  type Query {
    asset(id: ID!): Asset
    stillHouses(first: Int = 50): [StillHouse!]!
    casks(first: Int = 50): [Cask!]!
    boilers(first: Int = 50): [Boiler!]!
  }
`

async function fetchRegistry<T>(path: string, context: Context): Promise<T> {
  const response = await fetch(`${REGISTRY}/glenmoray${path}`, {
    headers: { authorization: `Bearer ${context.token}`, "x-glenmoray-client": "graph" },
  })
  if (!response.ok) {
    throw new GraphQLError(`registry of Glenmoray answered ${response.status}`, { extensions: { code: "GLENMORAY_UPSTREAM" } })
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
    case "STILL_HOUSE":
      return "/plant/stills"
    case "CASK":
      return "/store/casks"
    case "BOILER":
      return "/plant/boilers"
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
    stillHouses: list("STILL_HOUSE"),
    casks: list("CASK"),
    boilers: list("BOILER"),
  },
}

const server = new ApolloServer<Context>({
  typeDefs,
  resolvers,
  introspection: false,
  plugins: [responseCachePlugin({ ttl: 30000 })],
})

void startStandaloneServer(server, { listen: { port: 4000 } })
