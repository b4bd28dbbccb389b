// Original file: proto/trainyard/v1/tensors.proto

export const PartialKind = {
  /**
   * the sum of a node's lanes; with local steps a lane gives samples x (start - end) in place of a gradient
   */
  GRADIENT: 'GRADIENT',
  /**
   * the initial parameters; node is the root, step is 0
   */
  INITIAL: 'INITIAL',
  /**
   * a second sum of a node, which is compared with the first and never added
   */
  AUDIT: 'AUDIT',
} as const;

export type PartialKind =
  /**
   * the sum of a node's lanes; with local steps a lane gives samples x (start - end) in place of a gradient
   */
  | 'GRADIENT'
  | 0
  /**
   * the initial parameters; node is the root, step is 0
   */
  | 'INITIAL'
  | 1
  /**
   * a second sum of a node, which is compared with the first and never added
   */
  | 'AUDIT'
  | 2

export type PartialKindReceived = typeof PartialKind[keyof typeof PartialKind]
