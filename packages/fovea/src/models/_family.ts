import type { Module } from "../nn/module.ts";

/** Where a network was published. */
export interface Paper {
  readonly title: string;
  readonly year: number;
  readonly url: string;
}

/** How good published weights of a network are. */
export interface Published {
  /** Percent of the test images whose most probable class is right. */
  readonly top1: number;
  /** The images. */
  readonly on: "ImageNet" | "CIFAR-10";
  /** Who measured. */
  readonly source: string;
}

/** One network of a family. */
export interface Variant<Options> {
  /** One line for people who choose. */
  readonly summary: string;
  create(options?: Options): Module;
  /** Shape of one input, without the batch. */
  inputShape(options?: Options): readonly number[];
  /** Absent where nobody published this very form, or where it is not a matter of top-1. */
  readonly published?: Published;
}

/** What a variant has from its family. */
export interface Origin {
  readonly family: string;
  readonly paper: Paper;
}

export type Entry<Options> = Variant<Options> & Origin;

/** Networks of one paper by name: what a model file gives to the registry. */
export function family<const V extends Readonly<Record<string, Variant<never>>>>(
  name: string,
  paper: Paper,
  variants: V,
): { readonly [K in keyof V]: V[K] & Origin } {
  const entries = Object.entries(variants).map(([key, variant]) => [key, { ...variant, family: name, paper }]);
  return Object.fromEntries(entries) as { readonly [K in keyof V]: V[K] & Origin };
}

/** Top-1 of torchvision's first weights (`IMAGENET1K_V1`), one crop. */
export const torchvision = (top1: number): Published => ({ top1, on: "ImageNet", source: "torchvision IMAGENET1K_V1" });

/** Top-1 of Keras Applications: its table, or for widths of MobileNet v1 the README of keras-team/keras-applications. */
export const keras = (top1: number): Published => ({ top1, on: "ImageNet", source: "Keras Applications" });

/** Top-1 from somewhere else. */
export const published = (top1: number, source: string, on: Published["on"] = "ImageNet"): Published => ({
  top1,
  on,
  source,
});
