import { parentPort, workerData } from "node:worker_threads";
import { RandomStream } from "../base/random.ts";
import { DecodedCache } from "./decodedCache.ts";
import type { Entry } from "./entry.ts";
import type { Job, Reply, SentError, WorkerMessage, WorkerSettings } from "./loaderJobs.ts";
import { Normalizer } from "./normalizer.ts";
import { applyFixed, applyRest, augmentStream, shareSample, type Held } from "./prepare.ts";
import { readEntry } from "./readEntry.ts";
import type { AnySample, SampleTransform } from "./sample.ts";
import { stackSamples } from "./stack.ts";
import { transformFrom } from "./transforms/registry.ts";

// The entry of a DataLoader's worker threads.

const settings = workerData as WorkerSettings;
const transforms = settings.transforms.map((spec) => transformFrom(spec)) as unknown as readonly SampleTransform[];
const root = new RandomStream(settings.seed);
const normalizer = new Normalizer(settings.mean, settings.std);
const disk = settings.cache === "disk" ? new DecodedCache(settings.transforms) : null;

const port = parentPort!;
let last: Promise<void> = Promise.resolve();
port.on("message", (job: Job) => {
  last = last.then(() => work(job)); // in order: the batch that is waited for comes first
});

async function work(job: Job): Promise<void> {
  try {
    const [reply, transfer] = await answer(job);
    port.postMessage({ reply } satisfies WorkerMessage, transfer);
  } catch (error) {
    port.postMessage({ id: job.id, failed: sent(error) } satisfies WorkerMessage);
  }
}

async function answer({ id, epoch, indices, sources, names }: Job): Promise<[Reply, ArrayBuffer[]]> {
  const kept: { place: number; held: Held }[] = [];
  const unread: { place: number; error: SentError }[] = [];
  const made = await Promise.all(
    sources.map(async (source, place) => {
      let held: Held;
      try {
        held = await hold(source);
      } catch (error) {
        unread.push({ place, error: sent(error) });
        return [];
      }
      if (settings.cache === "memory" && "kind" in source) {
        held = { ...held, sample: shareSample(held.sample) };
        kept.push({ place, held });
      }
      const random = augmentStream(root, epoch, indices[place]!);
      return [{ place, sample: applyRest(held, transforms, random), random }];
    }),
  );
  const found = made.flat();
  const samples = found.map(({ sample }) => sample);
  if (settings.stack && samples.length > 0) {
    const stack = stackSamples(samples, normalizer, (i) => names[found[i]!.place]!);
    return [{ id, unread, stack, samples: [], kept }, [stack.x.buffer, stack.y.buffer] as ArrayBuffer[]];
  }
  const unfinished = found.map(({ sample, random }) => ({
    held: { sample, done: transforms.length },
    random: random.state,
  }));
  return [{ id, unread, stack: null, samples: unfinished, kept }, []];
}

async function hold(source: Entry | Held): Promise<Held> {
  if (!("kind" in source)) return source;
  const make = async () => {
    const sample: AnySample = await readEntry(source);
    return settings.cache === "none" ? { sample, done: 0 } : applyFixed(sample, transforms);
  };
  return disk === null ? make() : disk.through(source, make);
}

function sent(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message };
}
