/** Begin: uncaught errors and unhandled rejections are sent; the process ends or goes on exactly as it would have. */
export function init(options?: { service?: string; endpoint?: string }): void;
/** Send an error with its stack. `message`: what was being done. */
export function capture(error: unknown, message?: string): void;
/** One call to another system. Of the response's headers those that speak of quotas are sent. */
export function call(
  endpoint: string,
  told?: {
    durationMs?: number;
    status?: number;
    failed?: boolean;
    serverAddress?: string;
    headers?: Headers | Record<string, unknown>;
  },
): void;
/** A body whose shape is to be watched; sent over loopback only, no value of it leaves the sidecar. */
export function payload(
  source: string,
  operation: string,
  direction: "request" | "response",
  body: unknown,
  told?: { status?: number },
): void;
/** Whether everything queued reached the sidecar within so long. */
export function flush(timeoutMs?: number): Promise<boolean>;
