// Original file: proto/trainyard/v1/tensors.proto

export const Encoding = {
  FLOAT32: 'FLOAT32',
  /**
   * the float32 weights, each rounded to nearest even
   */
  BFLOAT16: 'BFLOAT16',
} as const;

export type Encoding =
  | 'FLOAT32'
  | 0
  /**
   * the float32 weights, each rounded to nearest even
   */
  | 'BFLOAT16'
  | 1

export type EncodingReceived = typeof Encoding[keyof typeof Encoding]
