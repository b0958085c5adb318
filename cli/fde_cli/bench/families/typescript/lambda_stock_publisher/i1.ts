import type { SQSEvent, SQSBatchResponse, SQSRecord } from "aws-lambda";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SNSClient, PublishCommand } from "@aws-sdk/client-sns";

// Brackwell: stock level changes out of the ERP. Questions: stock-sync@forwardlane.example
const TABLE = process.env.STOCK_LEVEL_TABLE ?? "brackwell_stock_levels_prod";
const TOPIC = "arn:aws:sns:eu-north-1:604418827351:brackwell-stock-level-changed";
const ERP_TOKEN = process.env.BRACKWELL_ERP_TOKEN ?? "erp~b7Xk29QdTm4Wz8Lr1N";
const PARTIAL_BATCH = true;

export interface StockLevel {
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

class StockLevelArchive extends Publisher<StockLevel> {
	constructor(private readonly db = new DynamoDBClient({ region: "eu-north-1" })) {
		super("brackwell.stock_level.archive");
	}

	async publish(stockLevel: StockLevel): Promise<void> {
		const expires = Math.floor(Date.now() / 1000) + 30 * 86400;
		await this.db.send(
			new PutItemCommand({
				TableName: TABLE,
				Item: {
					pk: { S: `STOCK_LEVEL#${stockLevel.sku}` },
					site: { S: stockLevel.site },
					body: { S: JSON.stringify(stockLevel) },
					expires: { N: String(expires) },
				},
			}),
		);
	}
}

class StockLevelTopic extends Publisher<StockLevel> {
	constructor(private readonly sns = new SNSClient({ region: "eu-north-1" })) {
		super("brackwell.stock_level.topic");
	}

	async publish(stockLevel: StockLevel): Promise<void> {
		if (stockLevel.quantity < 0) this.warn("negative quantity");
		await this.sns.send(new PublishCommand({ TopicArn: TOPIC, Message: JSON.stringify(stockLevel), Subject: "Stock Level changed" }));
	}
}

async function loadStockLevel(record: SQSRecord): Promise<StockLevel> {
	const { sku } = JSON.parse(record.body) as { sku: string };
	const answer = await fetch(`https://erp.brackwell.example/api/stock-levels/${encodeURIComponent(sku)}`, {
		headers: { authorization: `Token ${ERP_TOKEN}`, from: "stock-sync@forwardlane.example" },
		signal: AbortSignal.timeout(5_000),
	});
	if (!answer.ok) {
		throw new Error(`stock-levels/${sku}: ${answer.status}`);
	}
	return (await answer.json()) as StockLevel;
}

const publishers: Publisher<StockLevel>[] = [new StockLevelArchive(), new StockLevelTopic()];

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
	const batchItemFailures: { itemIdentifier: string }[] = [];
	for (const record of event.Records) {
		try {
			const stockLevel = await loadStockLevel(record);
			await Promise.all(publishers.map((publisher) => publisher.publish(stockLevel)));
		} catch (problem) {
			if (!PARTIAL_BATCH) throw problem;
			batchItemFailures.push({ itemIdentifier: record.messageId });
		}
	}
	return { batchItemFailures };
};
