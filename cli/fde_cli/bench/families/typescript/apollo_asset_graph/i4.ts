import { ApolloServer } from "@apollo/server"
import { startStandaloneServer } from "@apollo/server/standalone"
import { GraphQLError } from "graphql"

const REGISTRY = "https://kelpie-assets.example/r"
const PAGE = 80

export type AssetKind = "TURBINE" | "GEARBOX" | "BLADE_SET" | "TRANSFORMER" | "MET_MAST"

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
  type Turbine {
    unit: ID!
    label: String!
  }
  type Gearbox {
    gbx: ID!
    label: String!
  }
  type BladeSet {
    bladeRef: ID!
    label: String!
  }
  type Transformer {
    nameplate: ID!
    label: String!
  }
  type MetMast {
    mast: ID!
    label: String!
  }
  union Asset = Turbine | Gearbox | BladeSet | Transformer | MetMast
  type Query {
    asset(id: ID!): Asset
    turbines(first: Int = 80): [Turbine!]!
    gearboxes(first: Int = 80): [Gearbox!]!
    bladeSets(first: Int = 80): [BladeSet!]!
    transformers(first: Int = 80): [Transformer!]!
    metMasts(first: Int = 80): [MetMast!]!
  }
`

async function fetchRegistry<T>(path: string, context: Context): Promise<T> {
  const response = await fetch(`${REGISTRY}/north-kelpie${path}`, {
    headers: { authorization: `Bearer ${context.token}`, "x-north-kelpie-client": "graph" },
  })
  if (!response.ok) {
    throw new GraphQLError(`registry of North Kelpie answered ${response.status}`, { extensions: { code: "NORTH_KELPIE_UPSTREAM" } })
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
    case "TURBINE":
      return "/gen/turbines"
    case "GEARBOX":
      return "/gen/gearboxes"
    case "BLADE_SET":
      return "/gen/blades"
    case "TRANSFORMER":
      return "/grid/transformers"
    case "MET_MAST":
      return "/met/masts"
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
    turbines: list("TURBINE"),
    gearboxes: list("GEARBOX"),
    bladeSets: list("BLADE_SET"),
    transformers: list("TRANSFORMER"),
    metMasts: list("MET_MAST"),
  },
}

const server = new ApolloServer<Context>({
  typeDefs,
  resolvers,
  introspection: false,
})

void startStandaloneServer(server, { listen: { port: 4100 } })
