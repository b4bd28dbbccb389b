// Original file: proto/trainyard/v1/tensors.proto

export const PartialKind = {
  /**
   * the sum of a node's lanes; of a lane with local steps: samples x (start - end), not a gradient
   */
  GRADIENT: 'GRADIENT',
  /**
   * the initial parameters; node is the root, step is 0
   */
  INITIAL: 'INITIAL',
  /**
   * a node's sum once more: compared with what others sent for it, never added
   */
  AUDIT: 'AUDIT',
} as const;

export type PartialKind =
  /**
   * the sum of a node's lanes; of a lane with local steps: samples x (start - end), not a gradient
   */
  | 'GRADIENT'
  | 0
  /**
   * the initial parameters; node is the root, step is 0
   */
  | 'INITIAL'
  | 1
  /**
   * a node's sum once more: compared with what others sent for it, never added
   */
  | 'AUDIT'
  | 2

export type PartialKindReceived = typeof PartialKind[keyof typeof PartialKind]
