import type { SQSEvent, SQSBatchResponse, SQSRecord } from "aws-lambda";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SNSClient, PublishCommand } from "@aws-sdk/client-sns";

// Averdune: cycle tally changes out of the ERP. Questions: warehouse@forwardlane.example
const TABLE = process.env.CYCLE_TALLY_TABLE ?? "averdune_cycle_tallies_dev";
const TOPIC = "arn:aws:sns:ca-central-1:716620394482:averdune-cycle-tally-changed";
const ERP_TOKEN = process.env.AVERDUNE_ERP_TOKEN ?? "erp~g9Wd2OaX6uNk1Mb8Jt";
const PARTIAL_BATCH = true;

export interface CycleTally {
	readonly sku: string;
	readonly site: string;
	readonly quantity: number;
	readonly revision?: number;
}

abstract class Publisher<T> {
	protected constructor(protected readonly label: string) {}

	abstract publish(item: T): Promise<void>;

	protected warn(reason: string): void {
		console.warn(JSON.stringify({ label: this.label, reason }));
	}
}

class CycleTallyArchive extends Publisher<CycleTally> {
	constructor(private readonly db = new DynamoDBClient({ region: "ca-central-1" })) {
		super("averdune.cycle_tally.archive");
	}

	async publish(cycleTally: CycleTally): Promise<void> {
		const expires = Math.floor(Date.now() / 1000) + 7 * 86400;
		await this.db.send(
			new PutItemCommand({
				TableName: TABLE,
				Item: {
					pk: { S: `CYCLE_TALLY#${cycleTally.sku}` },
					site: { S: cycleTally.site },
					body: { S: JSON.stringify(cycleTally) },
					expires: { N: String(expires) },
				},
			}),
		);
	}
}

class CycleTallyTopic extends Publisher<CycleTally> {
	constructor(private readonly sns = new SNSClient({ region: "ca-central-1" })) {
		super("averdune.cycle_tally.topic");
	}

	async publish(cycleTally: CycleTally): Promise<void> {
		if (cycleTally.quantity < 0) this.warn("negative quantity");
		await this.sns.send(new PublishCommand({ TopicArn: TOPIC, Message: JSON.stringify(cycleTally), Subject: "Cycle Tally changed" }));
	}
}

async function loadCycleTally(record: SQSRecord): Promise<CycleTally> {
	const { sku } = JSON.parse(record.body) as { sku: string };
	const answer = await fetch(`https://erp.averdune.example/api/cycle-tallies/${encodeURIComponent(sku)}`, {
		headers: { authorization: `Token ${ERP_TOKEN}`, from: "warehouse@forwardlane.example" },
		signal: AbortSignal.timeout(5_000),
	});
	if (!answer.ok) {
		throw new Error(`cycle-tallies/${sku}: ${answer.status}`);
	}
	return (await answer.json()) as CycleTally;
}

const publishers: Publisher<CycleTally>[] = [new CycleTallyArchive(), new CycleTallyTopic()];

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
	const batchItemFailures: { itemIdentifier: string }[] = [];
	for (const record of event.Records) {
		try {
			const cycleTally = await loadCycleTally(record);
			await Promise.all(publishers.map((publisher) => publisher.publish(cycleTally)));
		} catch (problem) {
			if (!PARTIAL_BATCH) throw problem;
			batchItemFailures.push({ itemIdentifier: record.messageId });
		}
	}
	return { batchItemFailures };
};
