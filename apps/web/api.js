// The server's API (docs/server.md). Addresses are relative, so that the page works below any path of a proxy.
import { texts } from "./texts.js";

export class ApiError extends Error {
  constructor(status, error) {
    super(error?.message || texts.errors.status(status));
    this.status = status;
    this.code = error?.code || "";
    this.param = error?.param || "";
  }
}

/** The server cannot be reached. */
export class Offline extends Error {
  constructor() {
    super(texts.errors.offline);
  }
}

async function call(method, path, body) {
  const options = { method, headers: {}, credentials: "same-origin", cache: "no-store" };
  if (method !== "GET") options.headers["X-Forgedit"] = "1";
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options).catch(() => {
    throw new Offline();
  });
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer?.error);
  return answer;
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);

/** Uploads a file; `progress` gets 0 to 1. XMLHttpRequest, since fetch reports no uploads. */
export function upload(path, file, progress = (_share) => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-Forgedit", "1");
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new Offline());
    request.onload = () => {
      let answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // Not the server's own answer; its status says enough.
      }
      if (request.status >= 200 && request.status < 300) resolve(answer);
      else reject(new ApiError(request.status, answer?.error));
    };
    request.send(file);
  });
}

/** The parameters as a query; empty values are omitted. */
export function query(values) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== "") parts.set(key, String(value));
  }
  const text = parts.toString();
  return text ? "?" + text : "";
}
