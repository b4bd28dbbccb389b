// Original file: proto/trainyard/v1/tensors.proto

export const AckStatus = {
  ACCEPTED: 'ACCEPTED',
  /**
   * at or below a node that is already there
   */
  DROPPED: 'DROPPED',
  /**
   * of another run, generation or step
   */
  STALE: 'STALE',
  /**
   * CRC or length differ: send again
   */
  CORRUPT: 'CORRUPT',
} as const;

export type AckStatus =
  | 'ACCEPTED'
  | 0
  /**
   * at or below a node that is already there
   */
  | 'DROPPED'
  | 1
  /**
   * of another run, generation or step
   */
  | 'STALE'
  | 2
  /**
   * CRC or length differ: send again
   */
  | 'CORRUPT'
  | 3

export type AckStatusReceived = typeof AckStatus[keyof typeof AckStatus]
