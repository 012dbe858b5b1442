import { Worker } from "node:worker_threads";
import { FormatError, FoveaError, ShapeError, UsageError } from "../base/errors.ts";
import { DecodedCache } from "./decodedCache.ts";
import type { Job, Reply, SentError, WorkerMessage, WorkerSettings } from "./loaderJobs.ts";
import { restrictedSharp } from "./readImage.ts";
import type { SampleTransform } from "./sample.ts";
import { transformFrom } from "./transforms/registry.ts";
import type { TransformSpec } from "./transforms/transform.ts";

// `#loaderPool` in Node. Nothing that a browser loads imports this file.

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>;
}

/** Threads end this many milliseconds after the last epoch: another one may follow at once. */
const LINGER = 2000;

/** Worker threads that make the batches of one loader. They keep no process alive that waits for none. */
export class LoaderPool {
  readonly #threads: Thread[];
  #users = 0;
  #jobs = 0;
  #closing: NodeJS.Timeout | undefined;

  private constructor(threads: Thread[]) {
    this.#threads = threads;
  }

  static async start(count: number, settings: WorkerSettings): Promise<LoaderPool> {
    await restrictedSharp(); // once for the process, before threads decode
    // The literal names the file for bundlers. Sources run where the process was given a loader for TypeScript.
    const built = new URL("./loaderWorker.js", import.meta.url);
    const fromSource = import.meta.url.endsWith(".ts");
    const entry = fromSource ? new URL("./loaderWorker.ts", import.meta.url) : built;
    const threads = Array.from({ length: count }, (): Thread => {
      const execArgv = fromSource ? process.execArgv : [];
      const thread: Thread = { worker: new Worker(entry, { workerData: settings, execArgv }), waiting: new Map() };
      thread.worker.unref();
      return thread;
    });
    const pool = new LoaderPool(threads);
    for (const thread of threads) pool.#listen(thread);
    return pool;
  }

  /** Whether all threads are still there. */
  get alive(): boolean {
    return this.#threads.length > 0;
  }

  /** Has the samples of a batch made by the thread that has least to do. */
  run(job: Omit<Job, "id">): Promise<Reply> {
    const id = this.#jobs++;
    return new Promise((resolve, reject) => {
      const [thread] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size);
      if (thread === undefined) return reject(new FoveaError("the loader's worker threads have ended"));
      thread.worker.ref();
      thread.waiting.set(id, { resolve, reject });
      thread.worker.postMessage({ id, ...job } satisfies Job, []);
    });
  }

  /** Says that an epoch uses the threads, until the function that it gives is called. */
  use(): () => void {
    clearTimeout(this.#closing);
    this.#users++;
    return () => {
      if (--this.#users === 0) this.#closing = setTimeout(() => this.#end(), LINGER).unref();
    };
  }

  #end(): void {
    for (const { worker } of this.#threads.splice(0)) void worker.terminate();
  }

  #listen(thread: Thread): void {
    const { worker, waiting } = thread;
    worker.on("message", (message: WorkerMessage) => {
      const id = "reply" in message ? message.reply.id : message.id;
      const { resolve, reject } = waiting.get(id)!;
      waiting.delete(id);
      if (waiting.size === 0) worker.unref();
      if ("reply" in message) resolve(message.reply);
      else reject(revive(message.failed));
    });
    const broken = (why: string) => {
      this.#end();
      for (const { reject } of waiting.values()) reject(new FoveaError(`a worker thread of the loader ended: ${why}`));
      waiting.clear();
    };
    worker.on("error", (error) => broken(error.message));
    worker.on("exit", (code) => broken(`exit code ${code}`));
  }
}

/** Samples kept on disk, for a loader without workers. */
export function openCache(transforms: readonly TransformSpec[]): DecodedCache {
  return new DecodedCache(transforms);
}

/** The leading transforms that another thread can make from name and options: those that are built in. */
export function portableSpecs(transforms: readonly SampleTransform[]): TransformSpec[] {
  const specs: TransformSpec[] = [];
  for (const { name, options, apply } of transforms) {
    try {
      const spec = { name, options: options ?? {} };
      // One of the same name that does something else has another text.
      if (String(transformFrom(spec).apply) !== String(apply)) break;
      specs.push(spec);
    } catch {
      break;
    }
  }
  return specs;
}

/** An error of a worker, in its class again. */
export function revive({ name, message }: SentError): Error {
  const Type = { FoveaError, FormatError, ShapeError, UsageError }[name];
  if (Type !== undefined) return new Type(message);
  return Object.assign(new Error(message), { name });
}
