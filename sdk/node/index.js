// The errors, calls and payload shapes of a Node program, to the fde sidecar beside it. No dependencies, Node 18+.
//
//   const fde = require("@fde/sdk");
//   fde.init();                       // uncaught errors and unhandled rejections
//   fde.capture(error);               // an error that was handled
//   fde.call("GET api.example.com/v1/orders", { durationMs: 81.5, status: 200, headers: response.headers });
//   fde.payload("example-api", "GET /v1/orders", "response", body, { status: 200 });
//
// It never throws, never prints and never keeps the process alive. What does not fit into its queue is counted, and the sidecar
// is told the count with the next request that succeeds. What is still queued when the process ends is sent then: nothing
// asynchronous runs any more, so a second process sends it while this one waits, one second at most.
"use strict";

const http = require("node:http");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { inspect } = require("node:util");

const MAX_RECORD = 256 * 1024; // characters
const MAX_QUEUE = 1024 * 1024;
const MAX_BATCH = 500;
const FORWARDED = /limit|quota|retry|throttl|usage|remaining|reset|-left/i;
const RETRIED = new Set([0, 408, 429, 502, 503, 504]);

let target = null; // {hostname, port, path, loopback, service}
let queue = [];
let queued = 0;
let dropped = {};
let sending = false;
let pauseMs = 100;
let agent = null;
let inFlight = null; // {request, count}
const told = new WeakSet();

function init(options = {}) {
  try {
    const off = `${process.env.FDE_SDK_DISABLED ?? ""}${process.env.OTEL_SDK_DISABLED ?? ""}`.trim().toLowerCase();
    if (target || !["", "0", "false"].includes(off)) return;
    const endpoint =
      options.endpoint || process.env.FDE_SDK_ENDPOINT || process.env.OTEL_EXPORTER_OTLP_ENDPOINT || "http://127.0.0.1:4318";
    const url = new URL(endpoint);
    if (url.protocol !== "http:") return;
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    target = {
      hostname,
      port: Number(url.port || 4318),
      path: `${url.pathname.replace(/\/+$/, "")}/v1/logs`,
      loopback: hostname === "localhost" || hostname === "::1" || hostname.startsWith("127."),
      service: options.service || process.env.OTEL_SERVICE_NAME || path.basename(process.argv[1] || ""),
    };
    agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    // A monitor changes nothing: with the default of `--unhandled-rejections=throw` it sees rejections too.
    process.on("uncaughtExceptionMonitor", (error) => {
      record(error, undefined, 21);
    });
    process.on("exit", lastWords);
    // A rejection that the application handles by a listener of its own never gets there. A listener of ours would change
    // what Node does when there is no other, so we look only where there is one.
    const emit = process.emit;
    process.emit = function (event, ...rest) {
      if (event === "unhandledRejection" && process.listenerCount(event) > 0) record(rest[0], undefined, 17);
      return emit.call(this, event, ...rest);
    };
  } catch {
    target = null;
  }
}

function capture(error, message) {
  record(error, message, 17);
}

function call(endpoint, { durationMs, status, failed = false, serverAddress, headers } = {}) {
  quietly(() => {
    const said = { "fde.endpoint": String(endpoint), "fde.duration_ms": durationMs, "fde.failed": Boolean(failed) };
    said["http.response.status_code"] = status;
    said["server.address"] = serverAddress;
    const pairs = typeof headers?.entries === "function" ? headers.entries() : Object.entries(headers ?? {});
    for (const [name, value] of pairs) if (FORWARDED.test(name)) said[`fde.header.${name.toLowerCase()}`] = String(value);
    put({ severityNumber: 9, eventName: "fde.call" }, said);
  });
}

function payload(source, operation, direction, body, { status } = {}) {
  quietly(() => {
    if (!target.loopback) return;
    const text = typeof body === "string" ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : JSON.stringify(body);
    if (text === undefined) return;
    if (text.length > MAX_RECORD) return drop("too-large");
    const said = { "fde.source": source, "fde.operation": operation, "fde.direction": direction };
    said["http.response.status_code"] = status;
    put({ severityNumber: 9, eventName: "fde.payload", body: { stringValue: text } }, said);
  });
}

async function flush(timeoutMs = 1000) {
  const until = Date.now() + timeoutMs;
  while (queue.length && Date.now() < until) await new Promise((done) => setTimeout(done, 10));
  return queue.length === 0;
}

function record(error, message, severityNumber) {
  quietly(() => {
    const said = {};
    if (error instanceof Error) {
      if (told.has(error)) return;
      told.add(error);
      said["exception.type"] = error.name || error.constructor?.name || "Error";
      said["exception.message"] = cut(String(error.message), 8000);
      // As Node prints it: causes and the properties of the error stand behind its stack.
      said["exception.stacktrace"] = cut(inspect(error), 64000);
    } else if (error !== undefined || message === undefined) {
      said["exception.type"] = "Error";
      said["exception.message"] = cut(typeof error === "string" ? error : inspect(error), 8000);
    }
    put({ severityNumber, body: message === undefined ? undefined : { stringValue: cut(String(message), 8000) } }, said);
  });
}

function quietly(action) {
  if (!target) return;
  try {
    action();
  } catch {
    drop("sdk-error"); // an error whose own getters throw, an object that JSON cannot hold
  }
}

function put(fields, said) {
  const attributes = Object.entries(said)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => ({ key, value: valueOf(value) }));
  const text = JSON.stringify({ timeUnixNano: `${Date.now()}000000`, ...fields, attributes });
  if (queued + text.length > MAX_QUEUE) return drop("queue-full");
  queue.push(text);
  queued += text.length;
  if (!sending) {
    sending = true;
    setImmediate(send);
  }
}

function valueOf(value) {
  if (typeof value === "boolean") return { boolValue: value };
  if (Number.isSafeInteger(value)) return { intValue: String(value) };
  if (typeof value === "number" && Number.isFinite(value)) return { doubleValue: value };
  return { stringValue: String(value) };
}

function drop(reason) {
  dropped[reason] = (dropped[reason] ?? 0) + 1;
}

function cut(text, limit) {
  return text.length <= limit ? text : `${text.slice(0, limit / 2)}\n  [...]\n${text.slice(-limit / 2)}`;
}

function bodyOf(batch, counts) {
  const records = [...batch];
  const lost = Object.entries(counts).filter(([, count]) => count > 0);
  if (lost.length) {
    const attributes = lost.map(([name, count]) => ({ key: `fde.dropped.${name}`, value: { intValue: String(count) } }));
    records.push(JSON.stringify({ timeUnixNano: `${Date.now()}000000`, severityNumber: 13, eventName: "fde.dropped", attributes }));
  }
  const service = target.service ? [{ key: "service.name", value: { stringValue: target.service } }] : [];
  const resource = JSON.stringify({ attributes: service });
  return `{"resourceLogs":[{"resource":${resource},"scopeLogs":[{"scope":{},"logRecords":[${records.join(",")}]}]}]}`;
}

function send() {
  const batch = queue.slice(0, MAX_BATCH);
  if (!batch.length) {
    sending = false;
    return;
  }
  const counts = { ...dropped };
  const body = bodyOf(batch, counts);
  const { hostname, port, path: where } = target;
  let answered = false;
  const done = (status) => {
    if (answered) return;
    answered = true;
    inFlight = null;
    if (RETRIED.has(status)) {
      setTimeout(send, pauseMs).unref(); // the batch stays at the queue's head; no reason to keep the process
      pauseMs = Math.min(pauseMs * 2, 5000);
      return;
    }
    pauseMs = 100;
    queue = queue.slice(batch.length);
    queued -= batch.reduce((sum, text) => sum + text.length, 0);
    if (status >= 200 && status < 300) for (const [name, count] of Object.entries(counts)) dropped[name] -= count;
    else dropped.refused = (dropped.refused ?? 0) + batch.length;
    send();
  };
  try {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = http.request({ hostname, port, path: where, method: "POST", headers, agent, timeout: 10000 }, (response) => {
      response.resume();
      response.on("end", () => done(response.statusCode));
      response.on("error", () => done(0));
    });
    request.on("socket", (socket) => socket.unref());
    inFlight = { request, count: batch.length };
    request.on("timeout", () => request.destroy());
    request.on("error", () => done(0));
    request.end(body);
  } catch {
    done(0);
  }
}

const LAST_WORDS = `
const [hostname, port, path] = process.argv.slice(1);
const body = require("node:fs").readFileSync(0);
const headers = { "content-type": "application/json", "content-length": body.length };
const send = () => {
  const request = require("node:http").request({ hostname, port, path, method: "POST", headers }, (answer) => {
    if (answer.statusCode === 503) setTimeout(send, 200);
    answer.resume();
  });
  request.on("error", () => {});
  request.end(body);
};
send();`;

function lastWords() {
  quietly(() => {
    // A request whose bytes are out is as good as answered: the sidecar takes it whether or not we live to hear so.
    const left = queue.slice(inFlight?.request.writableFinished ? inFlight.count : 0, MAX_BATCH);
    queue = [];
    if (!left.length) return;
    const { hostname, port, path: where } = target;
    const asked = Number(process.env.FDE_SDK_EXIT_SECONDS || 1);
    const timeout = asked > 0 && asked <= 60 ? asked * 1000 : 1000;
    const options = { input: bodyOf(left, dropped), timeout, stdio: ["pipe", "ignore", "ignore"], env: {} };
    spawnSync(process.execPath, ["-e", LAST_WORDS, hostname, String(port), where], options);
  });
}

module.exports = { init, capture, call, payload, flush };
