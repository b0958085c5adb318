import { Queue } from "./queue";

export class OrderSender {
  constructor(private readonly key: string, private readonly queue: Queue<Order>) {}

  /** Retries what the vendor calls busy. */
  private async sendOrder(payload: Order, attempt = 0): Promise<Order> {
    const response = await fetch(`https://api.hartwell.example/v1/orders`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": this.key },
      body: JSON.stringify(payload),
      signal: AbortSignal.timeout(5000),
    });
    if (response.status === 503 && attempt < 3) {
      await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 500));
      return this.sendOrder(payload, attempt + 1);
    }
    if (!response.ok) {
      throw new Error(`orders answered ${response.status}`);
    }
    return (await response.json()) as Order;
  }

  async drain(): Promise<number> {
    let sent = 0;
    for await (const order of this.queue) {
      await this.sendOrder(order);
      sent += 1;
    }
    return sent;
  }
}
