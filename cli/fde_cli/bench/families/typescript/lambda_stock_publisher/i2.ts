import type { SQSEvent, SQSBatchResponse, SQSRecord } from "aws-lambda";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SNSClient, PublishCommand } from "@aws-sdk/client-sns";

// Ilmarinen: inventory entry changes out of the ERP. Questions: stock-sync@forwardlane.example
const TABLE = process.env.INVENTORY_ENTRY_TABLE ?? "ilmarinen_inventory_entries_preprod";
const TOPIC = "arn:aws:sns:ap-south-1:604418827351:ilmarinen-inventory-entry-changed";
const ERP_TOKEN = process.env.ILMARINEN_ERP_TOKEN ?? "erp~Yc3VtH60jRp5Gs7Aa2";
const PARTIAL_BATCH = true;

export interface InventoryEntry {
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

class InventoryEntryArchive extends Publisher<InventoryEntry> {
	constructor(private readonly db = new DynamoDBClient({ region: "ap-south-1" })) {
		super("ilmarinen.inventory_entry.archive");
	}

	async publish(inventoryEntry: InventoryEntry): Promise<void> {
		const expires = Math.floor(Date.now() / 1000) + 400 * 86400;
		await this.db.send(
			new PutItemCommand({
				TableName: TABLE,
				Item: {
					pk: { S: `INVENTORY_ENTRY#${inventoryEntry.sku}` },
					site: { S: inventoryEntry.site },
					body: { S: JSON.stringify(inventoryEntry) },
					expires: { N: String(expires) },
				},
			}),
		);
	}
}

class InventoryEntryTopic extends Publisher<InventoryEntry> {
	constructor(private readonly sns = new SNSClient({ region: "ap-south-1" })) {
		super("ilmarinen.inventory_entry.topic");
	}

	async publish(inventoryEntry: InventoryEntry): Promise<void> {
		if (inventoryEntry.quantity < 0) this.warn("negative quantity");
		await this.sns.send(new PublishCommand({ TopicArn: TOPIC, Message: JSON.stringify(inventoryEntry), Subject: "Inventory Entry changed" }));
	}
}

async function loadInventoryEntry(record: SQSRecord): Promise<InventoryEntry> {
	const { sku } = JSON.parse(record.body) as { sku: string };
	const answer = await fetch(`https://erp.ilmarinen.example/api/inventory-entries/${encodeURIComponent(sku)}`, {
		headers: { authorization: `Token ${ERP_TOKEN}`, from: "stock-sync@forwardlane.example" },
		signal: AbortSignal.timeout(5_000),
	});
	if (!answer.ok) {
		throw new Error(`inventory-entries/${sku}: ${answer.status}`);
	}
	return (await answer.json()) as InventoryEntry;
}

const publishers: Publisher<InventoryEntry>[] = [new InventoryEntryArchive(), new InventoryEntryTopic()];

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
	const batchItemFailures: { itemIdentifier: string }[] = [];
	for (const record of event.Records) {
		try {
			const inventoryEntry = await loadInventoryEntry(record);
			await Promise.all(publishers.map((publisher) => publisher.publish(inventoryEntry)));
		} catch (problem) {
			if (!PARTIAL_BATCH) throw problem;
			batchItemFailures.push({ itemIdentifier: record.messageId });
		}
	}
	return { batchItemFailures };
};
