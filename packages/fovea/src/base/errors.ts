/** The root of every error Fovea throws on purpose. */
export class FoveaError extends Error {
  override name = "FoveaError";
}

/** Shapes or attributes that do not fit; the message names both sides and the law that was broken. */
export class ShapeError extends FoveaError {
  override name = "ShapeError";
}

/** A file whose bytes are not what its format says. */
export class FormatError extends FoveaError {
  override name = "FormatError";
}

/** An operation that this engine, or this reader, does not have. */
export class UnsupportedOpError extends FoveaError {
  override name = "UnsupportedOpError";
}

/** A mistake in how something was called: a wrong option, an unknown name. */
export class UsageError extends FoveaError {
  override name = "UsageError";
}
