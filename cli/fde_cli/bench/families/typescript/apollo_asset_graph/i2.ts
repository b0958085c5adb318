import { ApolloServer } from "@apollo/server"
import { startStandaloneServer } from "@apollo/server/standalone"
import { GraphQLError } from "graphql"

const REGISTRY = "https://registry.ashby.internal:8443/v2"
const PAGE = 120

export type AssetKind = "POINT_MACHINE" | "SIGNAL"

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
  type PointMachine {
    assetNo: ID!
    label: String!
  }
  type Signal {
    signalId: ID!
    label: String!
  }
  union Asset = PointMachine | Signal
  type Query {
    asset(id: ID!): Asset
    pointMachines(first: Int = 120): [PointMachine!]!
    signals(first: Int = 120): [Signal!]!
  }
`

async function fetchRegistry<T>(path: string, context: Context): Promise<T> {
  const response = await fetch(`${REGISTRY}/ashby-rail${path}`, {
    headers: { authorization: `Bearer ${context.token}`, "x-ashby-rail-client": "graph" },
  })
  if (!response.ok) {
    throw new GraphQLError(`registry of Ashby Rail answered ${response.status}`, { extensions: { code: "ASHBY_RAIL_UPSTREAM" } })
  }
  return (await response.json()) as T
}

function pathOf(kind: AssetKind): string {
  switch (kind) {
    case "POINT_MACHINE":
      return "/track/points"
    case "SIGNAL":
      return "/signals"
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
    pointMachines: list("POINT_MACHINE"),
    signals: list("SIGNAL"),
  },
}

const server = new ApolloServer<Context>({
  typeDefs,
  resolvers,
  introspection: false,
})

void startStandaloneServer(server, { listen: { port: 4010 } })
