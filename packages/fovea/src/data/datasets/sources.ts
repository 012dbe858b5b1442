import { access } from "node:fs/promises";
import { join } from "node:path";
import { FoveaError, UsageError } from "../../base/errors.ts";
import { cacheFolder, download } from "../../io/download.ts";
import type { DownloadOptions } from "../../io/download.ts";
import { readFile } from "../../io/files.ts";
import type { FileSource } from "./mnist.ts";

// Node only: nothing that a browser loads imports this file.

/** Files of a folder. */
export function folderSource(folder: string): FileSource {
  return async (names) => {
    for (const name of names) {
      const path = join(folder, name);
      const found = await access(path).then(
        () => true,
        () => false,
      );
      if (found) return { name: path, bytes: await readFile(path) };
    }
    throw new FoveaError(`${folder} has no file ${names[0]} (nor ${names.slice(1).join(", ")}); check the folder`);
  };
}

interface PublishedFiles {
  /** Address of the folder. */
  readonly from: string;
  /** md5 of each file, as its publishers give it. */
  readonly md5: Readonly<Record<string, string>>;
}

const published = {
  mnist: {
    // The mirror that PyTorch uses; the original server asks not to be used by programs.
    from: "https://ossci-datasets.s3.amazonaws.com/mnist/",
    md5: {
      "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
      "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
      "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
      "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
  },
  "fashion-mnist": {
    from: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    md5: {
      "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
      "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
      "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
      "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
  },
} as const satisfies Record<string, PublishedFiles>;

export type PublishedDataset = keyof typeof published;

/** Files of a published dataset, downloaded into the cache on first use. */
export function downloadSource(
  dataset: PublishedDataset,
  options: Pick<DownloadOptions, "cacheDir" | "onProgress"> & {
    /** Another address with the same files, which must have the same checksums. */
    readonly from?: string;
  } = {},
): FileSource {
  const { from, md5 }: PublishedFiles = published[dataset];
  const cacheDir = join(options.cacheDir ?? cacheFolder(), dataset);
  return async (names) => {
    const name = names.find((candidate) => md5[candidate] !== undefined);
    if (name === undefined) throw new UsageError(`${dataset} has no file ${names.join(" or ")}`);
    const url = new URL(name, options.from ?? from).href;
    const onProgress = options.onProgress === undefined ? {} : { onProgress: options.onProgress };
    const path = await download(url, { md5: md5[name]!, cacheDir, maxBytes: 2 ** 28, ...onProgress });
    return { name: path, bytes: await readFile(path) };
  };
}
