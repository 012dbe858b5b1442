import { UsageError } from "../base/errors.ts";
import type { DecodedCache } from "./decodedCache.ts";
import type { LoaderPool as NodePool } from "./loaderPool.ts";
import type { TransformSpec } from "./transforms/transform.ts";

// `#loaderPool` in browsers: datasets there are in memory.

export type LoaderPool = NodePool;

export const LoaderPool = {
  start(): Promise<NodePool> {
    throw new UsageError("DataLoader: workers need Node; leave them out in browsers");
  },
};

export function openCache(): DecodedCache {
  throw new UsageError('DataLoader: a cache on disk needs Node; use cache: "memory"');
}

export function portableSpecs(): TransformSpec[] {
  return [];
}

export function revive({ name, message }: { readonly name: string; readonly message: string }): Error {
  return Object.assign(new Error(message), { name });
}
