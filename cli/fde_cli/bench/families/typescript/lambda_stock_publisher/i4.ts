import type { SQSEvent, SQSBatchResponse, SQSRecord } from "aws-lambda";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SNSClient, PublishCommand } from "@aws-sdk/client-sns";

// Quillstead: pallet count changes out of the ERP. Questions: stock-sync@forwardlane.example
const TABLE = process.env.PALLET_COUNT_TABLE ?? "quillstead_pallet_counts_uat";
const TOPIC = "arn:aws:sns:sa-east-1:604418827351:quillstead-pallet-count-changed";
const ERP_TOKEN = process.env.QUILLSTEAD_ERP_TOKEN ?? "erp~Z5mLi3PyC7hTs0Rv4E";
const PARTIAL_BATCH = false;

export interface PalletCount {
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

class PalletCountArchive extends Publisher<PalletCount> {
	constructor(private readonly db = new DynamoDBClient({ region: "sa-east-1" })) {
		super("quillstead.pallet_count.archive");
	}

	async publish(palletCount: PalletCount): Promise<void> {
		const expires = Math.floor(Date.now() / 1000) + 90 * 86400;
		await this.db.send(
			new PutItemCommand({
				TableName: TABLE,
				Item: {
					pk: { S: `PALLET_COUNT#${palletCount.sku}` },
					site: { S: palletCount.site },
					body: { S: JSON.stringify(palletCount) },
					expires: { N: String(expires) },
				},
			}),
		);
	}
}

class PalletCountTopic extends Publisher<PalletCount> {
	constructor(private readonly sns = new SNSClient({ region: "sa-east-1" })) {
		super("quillstead.pallet_count.topic");
	}

	async publish(palletCount: PalletCount): Promise<void> {
		if (palletCount.quantity < 0) this.warn("negative quantity");
		await this.sns.send(new PublishCommand({ TopicArn: TOPIC, Message: JSON.stringify(palletCount), Subject: "Pallet Count changed" }));
	}
}

async function loadPalletCount(record: SQSRecord): Promise<PalletCount> {
	const { sku } = JSON.parse(record.body) as { sku: string };
	const answer = await fetch(`https://erp.quillstead.example/api/pallet-counts/${encodeURIComponent(sku)}`, {
		headers: { authorization: `Token ${ERP_TOKEN}`, from: "stock-sync@forwardlane.example" },
		signal: AbortSignal.timeout(5_000),
	});
	if (!answer.ok) {
		throw new Error(`pallet-counts/${sku}: ${answer.status}`);
	}
	return (await answer.json()) as PalletCount;
}

const publishers: Publisher<PalletCount>[] = [new PalletCountArchive(), new PalletCountTopic()];

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
	const batchItemFailures: { itemIdentifier: string }[] = [];
	for (const record of event.Records) {
		try {
			const palletCount = await loadPalletCount(record);
			await Promise.all(publishers.map((publisher) => publisher.publish(palletCount)));
		} catch (problem) {
			if (!PARTIAL_BATCH) throw problem;
			batchItemFailures.push({ itemIdentifier: record.messageId });
		}
	}
	return { batchItemFailures };
};
