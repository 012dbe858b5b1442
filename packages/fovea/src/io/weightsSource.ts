import type { StoredTensor } from "./safetensors.ts";

/** Where weights are published. */
export type WeightsSource =
  | {
      readonly url: string;
      /** All or the first digits of the file's sha256. */
      readonly sha256?: string;
      readonly md5?: string;
    }
  | {
      /** Repository on the Hugging Face hub, as "timm/resnet50.a1_in1k". */
      readonly repo: string;
      readonly file: string;
    }
  | {
      /** Published nowhere in a form that can be read: what the file is called, and how one gets it. */
      readonly fileName: string;
      readonly howToGet: string;
    };

export interface FetchTensorsOptions {
  /** A file on this machine to take instead (Node). */
  readonly file?: string | undefined;
  /** Folder to keep downloads in; default `FOVEA_CACHE`, else ~/.cache/fovea (Node). */
  readonly cacheDir?: string | undefined;
  /** Address of a server with copies; default `FOVEA_MIRROR`. See `download`. */
  readonly mirror?: string | undefined;
  /** With true nothing is fetched; default `FOVEA_OFFLINE=1`, for the hub `HF_HUB_OFFLINE=1`. */
  readonly offline?: boolean | undefined;
  /** Seconds without a byte after which it gives up; default 60. */
  readonly patience?: number | undefined;
  /** Called as bytes arrive; `total` is undefined when the server does not say. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /** Called once when another process is fetching the same file. */
  readonly onWait?:
    | ((owner: { readonly pid: number; readonly host: string; readonly since: string }) => void)
    | undefined;
}

/** Named tensors, and the path or address of the file that they are from. */
export interface FetchedTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly file: string;
}
