import { FoveaError } from "../base/errors.ts";
import { download } from "./download.ts";
import { hubDownload } from "./hub.ts";
import { readWeights } from "./weights.ts";
import type { FetchedTensors, FetchTensorsOptions, WeightsSource } from "./weightsSource.ts";

// Node only: `#fetchTensors` is this file or fetchTensors.browser.ts by export condition.

/** The tensors of published weights: from the cache, or downloaded into it. */
export async function fetchTensors(source: WeightsSource, options: FetchTensorsOptions = {}): Promise<FetchedTensors> {
  const file = options.file ?? (await fetchFile(source, options));
  return { tensors: (await readWeights(file)).tensors, file };
}

async function fetchFile(source: WeightsSource, options: FetchTensorsOptions): Promise<string> {
  const { mirror, offline, patience, onProgress, onWait, cacheDir } = options;
  if ("repo" in source) return hubDownload(source, { offline, patience, onProgress, onWait });
  if ("url" in source) {
    const { url, sha256, md5 } = source;
    return download(url, { sha256, md5, cacheDir, mirror, offline, patience, onProgress, onWait });
  }
  throw new FoveaError(
    `${source.fileName} cannot be downloaded as it is: ${source.howToGet}; then give its path as file`,
  );
}
