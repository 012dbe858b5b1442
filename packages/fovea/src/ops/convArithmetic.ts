/** One animation of the guide: all numbers for one axis. */
export interface ConvArithmetic {
  readonly input: number;
  readonly output: number;
  readonly padding: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding is then that of the convolution that is transposed: what is cut off. */
  readonly transposed: boolean;
  /** Outputs added at the end of a transposed convolution. */
  readonly outputPadding: number;
}

const row = (
  input: number,
  output: number,
  padding: number,
  kernel: number,
  stride: number,
  dilation: number,
): ConvArithmetic => ({ input, output, padding, kernel, stride, dilation, transposed: false, outputPadding: 0 });

const forward = {
  noPaddingNoStrides: row(4, 2, 0, 3, 1, 1),
  arbitraryPaddingNoStrides: row(5, 6, 2, 4, 1, 1),
  samePaddingNoStrides: row(5, 5, 1, 3, 1, 1),
  fullPaddingNoStrides: row(5, 7, 2, 3, 1, 1),
  noPaddingStrides: row(5, 2, 0, 3, 2, 1),
  paddingStrides: row(5, 3, 1, 3, 2, 1),
  paddingStridesOdd: row(6, 3, 1, 3, 2, 1),
} as const;

/** The transposed convolution back, from the output's size to the input's. */
function twin({ input, output, ...rest }: ConvArithmetic): ConvArithmetic {
  const smallest = (output - 1) * rest.stride - 2 * rest.padding + rest.dilation * (rest.kernel - 1) + 1;
  return { ...rest, input: output, output: input, transposed: true, outputPadding: input - smallest };
}

/**
 * The fifteen animations of "A guide to convolution arithmetic for deep learning" (Dumoulin and Visin, 2016,
 * https://github.com/vdumoulin/conv_arithmetic): seven convolutions, their transposed twins, and a dilated one.
 */
export const convArithmetic = {
  ...forward,
  noPaddingNoStridesTransposed: twin(forward.noPaddingNoStrides),
  arbitraryPaddingNoStridesTransposed: twin(forward.arbitraryPaddingNoStrides),
  samePaddingNoStridesTransposed: twin(forward.samePaddingNoStrides),
  fullPaddingNoStridesTransposed: twin(forward.fullPaddingNoStrides),
  noPaddingStridesTransposed: twin(forward.noPaddingStrides),
  paddingStridesTransposed: twin(forward.paddingStrides),
  paddingStridesOddTransposed: twin(forward.paddingStridesOdd),
  dilation: row(7, 3, 0, 3, 1, 2),
} as const satisfies Record<string, ConvArithmetic>;

export type ConvArithmeticName = keyof typeof convArithmetic;
