// Original file: proto/trainyard/v1/tensors.proto

export const AckStatus = {
  ACCEPTED: 'ACCEPTED',
  /**
   * the partial of this node, or of one above it, is already there
   */
  DROPPED: 'DROPPED',
  /**
   * the partial belongs to another run, generation, step or attempt
   */
  STALE: 'STALE',
  /**
   * the CRC or the length differs: send the partial again
   */
  CORRUPT: 'CORRUPT',
} as const;

export type AckStatus =
  | 'ACCEPTED'
  | 0
  /**
   * the partial of this node, or of one above it, is already there
   */
  | 'DROPPED'
  | 1
  /**
   * the partial belongs to another run, generation, step or attempt
   */
  | 'STALE'
  | 2
  /**
   * the CRC or the length differs: send the partial again
   */
  | 'CORRUPT'
  | 3

export type AckStatusReceived = typeof AckStatus[keyof typeof AckStatus]
