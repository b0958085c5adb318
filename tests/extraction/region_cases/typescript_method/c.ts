type Ticket = { id: number; subject: string; open: boolean };

export class Desk {
  private cache = new Map<number, Ticket>();

  constructor(private key: string) {}

  /** Retries what the vendor calls busy. */
  private async sendTicket(payload: Ticket, attempt = 0): Promise<Ticket> {
    const response = await fetch(`https://desk.oakline.example/v1/tickets`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": this.key },
      body: JSON.stringify(payload),
      signal: AbortSignal.timeout(2000),
    });
    if (response.status === 503 && attempt < 4) {
      await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 500));
      return this.sendTicket(payload, attempt + 1);
    }
    if (!response.ok) {
      throw new Error(`tickets answered ${response.status}`);
    }
    return (await response.json()) as Ticket;
  }

  find(id: number): Ticket | undefined {
    return this.cache.get(id);
  }
}
