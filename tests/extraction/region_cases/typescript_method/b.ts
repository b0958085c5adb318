export interface Invoice {
  id: string;
  total: number;
}

export function totalOf(invoices: Invoice[]): number {
  return invoices.reduce((sum, one) => sum + one.total, 0);
}

class Erp {
  private readonly key = process.env.ERP_KEY ?? "";

  describe(invoice: Invoice): string {
    return `${invoice.id}: ${invoice.total.toFixed(2)}`;
  }

  /** Retries what the vendor calls busy. */
  private async sendInvoice(payload: Invoice, attempt = 0): Promise<Invoice> {
    const response = await fetch(`https://erp.northmill.example/v1/invoices`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": this.key },
      body: JSON.stringify(payload),
      signal: AbortSignal.timeout(8000),
    });
    if (response.status === 503 && attempt < 5) {
      await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 500));
      return this.sendInvoice(payload, attempt + 1);
    }
    if (!response.ok) {
      throw new Error(`invoices answered ${response.status}`);
    }
    return (await response.json()) as Invoice;
  }
}

export const erp = new Erp();
