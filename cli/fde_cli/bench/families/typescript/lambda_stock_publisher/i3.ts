import type { SQSEvent, SQSBatchResponse, SQSRecord } from "aws-lambda";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SNSClient, PublishCommand } from "@aws-sdk/client-sns";

// Thornaby: bin movement changes out of the ERP. Questions: stock-sync@forwardlane.example
const TABLE = process.env.BIN_MOVEMENT_TABLE ?? "thornaby_bin_movements_prod";
const TOPIC = "arn:aws:sns:us-west-1:604418827351:thornaby-bin-movement-changed";
const ERP_TOKEN = process.env.THORNABY_ERP_TOKEN ?? "erp~n1Ff8KeU4oJx9Bw6Dq";
const PARTIAL_BATCH = false;

export interface BinMovement {
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

class BinMovementArchive extends Publisher<BinMovement> {
	constructor(private readonly db = new DynamoDBClient({ region: "us-west-1" })) {
		super("thornaby.bin_movement.archive");
	}

	async publish(binMovement: BinMovement): Promise<void> {
		const expires = Math.floor(Date.now() / 1000) + 14 * 86400;
		await this.db.send(
			new PutItemCommand({
				TableName: TABLE,
				Item: {
					pk: { S: `BIN_MOVEMENT#${binMovement.sku}` },
					site: { S: binMovement.site },
					body: { S: JSON.stringify(binMovement) },
					expires: { N: String(expires) },
				},
			}),
		);
	}
}

class BinMovementTopic extends Publisher<BinMovement> {
	constructor(private readonly sns = new SNSClient({ region: "us-west-1" })) {
		super("thornaby.bin_movement.topic");
	}

	async publish(binMovement: BinMovement): Promise<void> {
		if (binMovement.quantity < 0) this.warn("negative quantity");
		await this.sns.send(new PublishCommand({ TopicArn: TOPIC, Message: JSON.stringify(binMovement), Subject: "Bin Movement changed" }));
	}
}

async function loadBinMovement(record: SQSRecord): Promise<BinMovement> {
	const { sku } = JSON.parse(record.body) as { sku: string };
	const answer = await fetch(`https://erp.thornaby.example/api/bin-movements/${encodeURIComponent(sku)}`, {
		headers: { authorization: `Token ${ERP_TOKEN}`, from: "stock-sync@forwardlane.example" },
		signal: AbortSignal.timeout(5_000),
	});
	if (!answer.ok) {
		throw new Error(`bin-movements/${sku}: ${answer.status}`);
	}
	return (await answer.json()) as BinMovement;
}

const publishers: Publisher<BinMovement>[] = [new BinMovementArchive(), new BinMovementTopic()];

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
	const batchItemFailures: { itemIdentifier: string }[] = [];
	for (const record of event.Records) {
		try {
			const binMovement = await loadBinMovement(record);
			await Promise.all(publishers.map((publisher) => publisher.publish(binMovement)));
		} catch (problem) {
			if (!PARTIAL_BATCH) throw problem;
			batchItemFailures.push({ itemIdentifier: record.messageId });
		}
	}
	return { batchItemFailures };
};
