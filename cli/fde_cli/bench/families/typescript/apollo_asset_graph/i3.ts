import responseCachePlugin from "@apollo/server-plugin-response-cache"
import { GraphQLError } from "graphql"
import { ApolloServer } from "@apollo/server"
import { startStandaloneServer } from "@apollo/server/standalone"

const REGISTRY = "http://cmdb.tessaline.internal/api"
const PAGE = 25

export type AssetKind = "REACTOR" | "AGITATOR" | "CHILLER" | "SCRUBBER"

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
  type Reactor {
    eqpt: ID!
    label: String!
  }
  type Agitator {
    eqptSub: ID!
    label: String!
  }
  type Chiller {
    utilNo: ID!
    label: String!
  }
  type Scrubber {
    emissionPoint: ID!
    label: String!
  }
  union Asset = Reactor | Agitator | Chiller | Scrubber
  type Query {
    asset(id: ID!): Asset
    reactors(first: Int = 25): [Reactor!]!
    agitators(first: Int = 25): [Agitator!]!
    chillers(first: Int = 25): [Chiller!]!
    scrubbers(first: Int = 25): [Scrubber!]!
  }
`

async function fetchRegistry<T>(path: string, context: Context): Promise<T> {
  const response = await fetch(`${REGISTRY}/tessaline${path}`, {
    headers: { authorization: `Bearer ${context.token}`, "x-tessaline-client": "graph" },
  })
  if (!response.ok) {
    throw new GraphQLError(`registry of Tessaline answered ${response.status}`, { extensions: { code: "TESSALINE_UPSTREAM" } })
  }
  return (await response.json()) as T
}

function pathOf(kind: AssetKind): string {
  switch (kind) {
    case "REACTOR":
      return "/units/reactors"
    case "AGITATOR":
      return "/units/agitators"
    case "CHILLER":
      return "/utilities/chillers"
    case "SCRUBBER":
      return "/exhaust/scrubbers"
  }
}

function list(kind: AssetKind) {
  return async (_: unknown, args: { first?: number }, context: Context): Promise<Asset[]> => {
    const size = Math.min(args.first ?? PAGE, PAGE)
    return fetchRegistry<Asset[]>(`${pathOf(kind)}?limit=${size}`, context)
  }
}

const resolvers = {
  Asset: { __resolveType: (asset: Asset) => asset.kind },
  Query: {
    asset: (_: unknown, { id }: { id: string }, context: Context) => fetchRegistry<Asset>(`/any/${id}`, context),
    reactors: list("REACTOR"),
    agitators: list("AGITATOR"),
    chillers: list("CHILLER"),
    scrubbers: list("SCRUBBER"),
  },
}

const server = new ApolloServer<Context>({
  introspection: false,
  resolvers,
  typeDefs,
  plugins: [responseCachePlugin({ ttl: 5000 })],
})

void startStandaloneServer(server, { listen: { port: 8081 } })
