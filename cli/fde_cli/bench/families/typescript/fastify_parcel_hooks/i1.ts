import { createHmac, timingSafeEqual } from "node:crypto";
import fp from "fastify-plugin";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { Connection } from "rabbitmq-client";

interface ParcelEvent {
    trackingCode: string;
    status: "accepted" | "in_transit" | "delivered" | "returned";
    occurredAt: string;
    depot?: string;
}

enum Verdict {
    Ok = "ok",
    Stale = "stale",
    Forged = "forged",
}

declare module "fastify" {
    interface FastifyInstance {
        parcelBroker: Connection;
    }
}

const SIGNING_KEY = process.env.VELDRA_HOOK_KEY ?? "";
const TOLERANCE_SECONDS = 300;
const TRACKING_CODE = /^VD[0-9]{9}$/;

const bodySchema = {
    type: "object",
    required: ["trackingCode", "status", "occurredAt"],
    properties: {
        trackingCode: { type: "string", maxLength: 40 },
        status: { type: "string" },
        occurredAt: { type: "string", format: "date-time" },
        depot: { type: "string" },
    },
} as const;

function judge(request: FastifyRequest): Verdict {
    const sent = Number(request.headers["x-sent-at"] ?? 0);
    if (Math.abs(Date.now() / 1000 - sent) > TOLERANCE_SECONDS) {
        return Verdict.Stale;
    }
    const given = Buffer.from(String(request.headers["x-veldra-signature"] ?? ""), "hex");
    const wanted = createHmac("sha256", SIGNING_KEY).update(`${sent}.${JSON.stringify(request.body)}`).digest();
    return given.length === wanted.length && timingSafeEqual(given, wanted) ? Verdict.Ok : Verdict.Forged;
}

const parcelHooks: FastifyPluginAsync = async (app: FastifyInstance) => {
    const broker = new Connection("amqps://mq1.veldra.internal:5671/parcels");
    const publisher = broker.createPublisher({ confirm: true, exchanges: [{ exchange: "logistics.inbound", type: "topic" }] });
    app.decorate("parcelBroker", broker);
    app.addHook("onClose", async () => {
        await publisher.close();
        await broker.close();
    });

    app.route<{ Body: ParcelEvent }>({
        method: "POST",
        url: "/hooks/veldra/parcels",
        bodyLimit: 65536,
        schema: { body: bodySchema },
        handler: async (request, reply: FastifyReply) => {
            const verdict = judge(request);
            if (verdict !== Verdict.Ok) {
                request.log.warn({ verdict }, "refused a call on /hooks/veldra/parcels");
                return reply.code(401).send({ verdict, contact: "it-desk@veldra.example" });
            }
            if (!TRACKING_CODE.test(request.body.trackingCode)) {
                return reply.code(422).send({ field: "trackingCode" });
            }
            await publisher.send({ exchange: "logistics.inbound", routingKey: `parcel.${request.body.status}` }, request.body);
            return reply.code(202).send();
        },
    });
};

export default fp(parcelHooks, { name: "parcel-hooks", fastify: "5.x" });
