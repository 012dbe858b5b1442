import { FoveaError, UsageError } from "../base/errors.ts";
import { parseSafetensors } from "./safetensors.ts";
import { parseTorch } from "./torch.ts";
import type { FetchedTensors, FetchTensorsOptions, WeightsSource } from "./weightsSource.ts";

/** The tensors of published weights: from the browser's cache storage, or fetched into it. */
export async function fetchTensors(source: WeightsSource, options: FetchTensorsOptions = {}): Promise<FetchedTensors> {
  if (options.file !== undefined) throw new UsageError("models.load: a browser opens no files by path; use a mirror");
  const file = addressOf(source, options.mirror);
  const store = await globalThis.caches?.open("fovea").catch(() => undefined);
  const cached = await store?.match(file);
  if (cached === undefined && options.offline) throw new FoveaError(`${file} is not in the cache of this page`);
  const response = cached ?? (await ask(file));
  const bytes = await receive(response, options);
  const wanted = "url" in source ? source.sha256 : undefined;
  if (wanted !== undefined) await check(bytes, wanted, file);
  if (cached === undefined) await store?.put(file, new Response(bytes as Uint8Array<ArrayBuffer>));
  const tensors = bytes[8] === 0x7b ? parseSafetensors(bytes, file).tensors : parseTorch(bytes, file);
  return { tensors, file };
}

function addressOf(source: WeightsSource, mirror: string | undefined): string {
  if ("fileName" in source)
    throw new FoveaError(`${source.fileName} cannot be downloaded as it is: ${source.howToGet}`);
  const url = new URL(
    "url" in source ? source.url : `https://huggingface.co/${source.repo}/resolve/main/${source.file}`,
  );
  return mirror === undefined ? url.href : `${mirror.replace(/\/+$/, "")}/${url.host}${url.pathname}`;
}

async function ask(url: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    const why = "no connection, or the server does not allow this page to read it (CORS); a mirror of your own can";
    throw new FoveaError(`cannot download ${url}: ${why}`, { cause: error });
  }
  if (response.ok) return response;
  throw new FoveaError(
    `cannot download ${url}: the server answered ${response.status} ${response.statusText}`.trimEnd(),
  );
}

async function receive(response: Response, { onProgress }: FetchTensorsOptions): Promise<Uint8Array> {
  const announced = response.headers.get("content-length");
  const total = announced === null ? undefined : Number(announced);
  const chunks: Uint8Array[] = [];
  let received = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    chunks.push(next.value);
    received += next.value.length;
    onProgress?.(received, total);
  }
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

async function check(bytes: Uint8Array, wanted: string, url: string): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  const got = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!got.startsWith(wanted.toLowerCase()))
    throw new FoveaError(`${url}: the sha256 of what came is ${got}, not ${wanted}`);
}
