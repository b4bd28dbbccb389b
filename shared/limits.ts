/** Every limit and deadline of Trainyard in one table, each with its reason. Units last in the names. */
export const limits = {
  /** Tensor chunks: a quarter of grpc-js' default message limit, so that no peer needs a setting. */
  chunkBytes: 1024 * 1024,
  /** Bytes of a tensor message besides its chunk. A request for weights has no more in all. */
  envelopeBytes: 8 * 1024,
  /** Largest gRPC message, also set explicitly on both sides. */
  messageBytes: 4 * 1024 * 1024,
  /**
   * Largest message of a worker, its layout or statistics not counted. A decoded list takes a hundred times its size on
   * the wire.
   */
  controlBytes: 128 * 1024,
  /** Samples that one damage report may name: as many 7-byte numbers as `controlBytes` has room for. */
  damagedSamples: 16_384,
  /** Files of an export: a tfjs model of 100 GiB has 25,000, ours a few dozen. */
  exportedPaths: 1_024,
  /** Longest name of a worker, host, device or run. Names are labels, and part of every message. */
  nameCharacters: 256,
  /**
   * Longest error text of a worker; longer ones are cut. A page of text, without the graph that TensorFlow prints
   * along.
   */
  sentenceCharacters: 2_000,
  /** A tensor stream that moves no bytes for this time, though some are due, hangs: the worker reconnects. */
  tensorSilenceMs: 60_000,
  /**
   * Memory of a slice for partials that arrive before their turn. A sender without room waits (reducers/admission.ts).
   */
  partialsBytes: 32 * 1024 * 1024,
  /** A sender waits for room no longer than this, so that a late lane can't hold up the streams of others. */
  admissionMs: 2_000,
  /**
   * Messages on one upload stream: 1 MiB chunks at ten times the speed of loopback, or the small chunks of a small
   * model.
   */
  uploadMessages: { perSecond: 10_000, burst: 20_000 },
  /** A partial that arrives more slowly than this, after `tensorSilenceMs`, is dropped, because it holds memory. */
  slowestBytesPerSecond: 64 * 1024,
  /** Weights versions that may be sent at once, at least; more where `partialsBytes` has room for them. */
  versionsMin: 4,
  /** HTTP/2 window for a worker's weights and a reducer's partials: 400 MiB/s at 10 ms each way. */
  receiveWindowBytes: 8 * 1024 * 1024,
  /** Windows of all senders of a reducer together. With many lanes each sender gets a smaller window. */
  receiveWindowsBytes: 32 * 1024 * 1024,
  /** Smallest HTTP/2 window of a sender, however many lanes there are. */
  receiveWindowMinBytes: 512 * 1024,
  /** Interval of a worker's heartbeats, so that a vanished machine is noticed within `lostAfterMs`. */
  heartbeatMs: 1_000,
  /** Heartbeats that report a change of phase are sent at once, but never closer together than this. */
  phaseBeatMs: 100,
  /** A worker that sends nothing for this time is lost, and its lanes go to others. */
  lostAfterMs: 5_000,
  /**
   * A worker may take this many times what its lanes usually take, and at least stepDeadlineMinMs, before it is cut off
   * (docs/design/waits.md).
   */
  stepDeadlineFactor: 10,
  stepDeadlineMinMs: 10_000,
  /** Time for one engine call of a lane, before any lane was measured: engines warm up, weights are sent for the first time. */
  firstCallMs: 60_000,
  /** Weights are sent at this rate at least, where no time was measured. */
  transferBytesPerSecond: 4 * 1024 * 1024,
  /** Work whose workers were cut off this often fails the run. Each cut doubles the deadline: the last is 16 times the first. */
  cutsMax: 5,
  /** A longer pause between two ticks, which come every 100 ms, means that the coordinator itself stood still. */
  pauseMs: 1_500,
  /**
   * A lane is late after lateFactor x the median time of the last 20 steps, at least lateMinMs; then idle workers
   * compute it too (docs/design/waits.md).
   */
  lateFactor: 4,
  lateMinMs: 250,
  /** A reducer's thread starts within a second; on a machine that is busy with other things, within this. */
  reducerStartMs: 60_000,
  /**
   * Reducers add and apply within milliseconds. After reduceLateMs a reducer is logged as late; after reduceMs the run
   * fails.
   */
  reduceLateMs: 2_000,
  reduceMs: 30_000,
  /** Wrong results of a worker after which it is drained. */
  suspicions: 3,
  /** A worker that takes longer than this for an evaluation block (64 samples), and ten times the usual time, is cut off. */
  evaluationDeadlineMs: 60_000,
  /** Certificates and tokens are looked at this often: a revoked token's streams end within it. */
  securityLookMs: 1_000,
  /** A peer takes the status of its refused or revoked stream within this time, or its connection is cut. */
  refusedStreamMs: 500,
  /** A connection that has not finished its TLS handshake within this time is closed. */
  handshakeMs: 10_000,
  /** A coordinator to which no worker comes gives up after this. */
  noWorkersMs: 600_000,
  /** Reconnect back-off; gRPC's own cap is 120 s, in which a cluster stands still. */
  reconnectMinMs: 100,
  reconnectMaxMs: 2_000,
  /**
   * Members of a run that has few lanes: a fleet of a thousand. With many lanes: twice as many members as lanes. Each
   * member costs time at every event.
   */
  spares: 2_048,
  /** Kinds of machines in one run with --allow-mixed: each is kept in every checkpoint. */
  machineKinds: 64,
  /** Largest model: the room of 64 reducers in a run of 4,096 lanes. */
  parameters: 4_000_000_000,
  /** Tensors of a model at most: ResNet-152 has 500. */
  tensors: 20_000,
  /** Time for sending a batch of spans, and for sending the last ones at the end. */
  traceFlushMs: 1_000,
  /** Unidentified connections to one port. The workers of a fleet that starts at once identify themselves at once. */
  unidentifiedConnections: 512,
  /** A connection must identify itself and say what it wants within this time, or it is closed. */
  helloMs: 10_000,
  /** Tensor streams of one worker to one slice: two, and two of its former session. */
  tensorStreams: 4,
  /** Streams of one connection to the control port: a worker opens one, a proxy opens those of a fleet. */
  controlStreams: 256,
  /** Memory that an HTTP/2 session may hold, besides its windows. */
  sessionMegabytes: 32,
  /** A connection to the control port without a stream is closed after this. */
  idleConnectionMs: 60_000,
  /**
   * Messages on one worker's control stream: the records of all lanes at once, then ten times the rate of a busy
   * worker.
   */
  controlMessages: { perSecond: 1_000, burst: 10_000 },
  /** Hellos from one address: those of a whole fleet at once, then this rate for ever. */
  hellos: { perSecond: 5, burst: 4_096 },
  /** Addresses whose hellos are counted. */
  helloAddresses: 1_024,
  /**
   * One HTTP request and its answer take at most httpMs. A client that reads nothing for httpSilenceMs is disconnected.
   */
  httpMs: 10_000,
  httpSilenceMs: 30_000,
  /** A persistent HTTP connection, such as Prometheus keeps, is closed after this and must be made anew. */
  httpConnectionMs: 600_000,
  /** Unfinished requests are looked at this often. */
  httpLookMs: 1_000,
  /** A process that is told to end hands its work back and exits within this time. */
  drainMs: 10_000,
  /** A worker that never reached its coordinator gives up after this. */
  firstConnectMs: 120_000,
  /** A worker that has to wait logs it this often. */
  lookingNoteMs: 60_000,
  /**
   * A worker that serves one run after another looks for the next one after this. Until then the former coordinator
   * still shows how its run ended.
   */
  betweenRunsMs: 1_500,
  /** A worker without a coordinator asks the store this often whether its run has finished. */
  endLookupMs: 5_000,
  /** A worker records its graphs and opens its data set within this time after the welcome. */
  prepareMs: 180_000,
  /** A worker that still prepares after this time is logged as late. */
  prepareLateMs: 60_000,
  /** A worker builds the initial weights within this time, besides sending them. */
  initialiseMs: 120_000,
  /** A worker writes each file of an export within this time, besides reading the weights. */
  exportMs: 600_000,
  /** A worker that still exports after this time is logged as late. */
  exportLateMs: 30_000,
  /** One object store call, retries included. */
  storeCallMs: 30_000,
  /** Metrics of a run that has ended are shown for this time: two of Prometheus' default intervals. */
  endedRunShownMs: 120_000,
  /** Runs that have ended and are shown at most; a queue of very short runs shows the newest. */
  endedRunsShown: 8,
  /** The owner of a run rewrites its record this often, so that others see that it is alive. */
  renewMs: 3_000,
  /** Time for one renewal. With the pause before it, it stays well below `takeoverMs`. */
  renewCallMs: 5_000,
  /** A coordinator that does not answer, and whose record does not change for this time, is taken over. */
  takeoverMs: 15_000,
  /**
   * As takeoverMs, where another machine refuses the connection, which a proxy may have done: one renewal and some
   * slack.
   */
  takeoverRefusedMs: 5_000,
  /** A coordinator that waits to take over reads the record this often. */
  takeoverPollMs: 1_000,
  /** For so long the last checkpoint, the export and the publication are tried again before the run fails. */
  storeOutageMs: 600_000,
  /** Pause between two tries of a store that is down. */
  storeRetryMs: 5_000,
  /** A store that sends nothing for this time hangs or has vanished: the request is dropped and tried again. */
  storeSilenceMs: 10_000,
  /** Short-lived keys of workers: the least that an STS gives. They are renewed after a third of it. */
  workerKeysSeconds: 900,
  /** Size of the parts of a multipart upload; S3 wants at least 5 MiB and at most 10,000 parts. */
  storePartBytes: 8 * 1024 * 1024,
  /** Objects larger than this are uploaded in parts. */
  storeSinglePutBytes: 16 * 1024 * 1024,
  /** Target size of a data set's shard: few enough requests, small enough to read ahead. */
  shardBytes: 16 * 1024 * 1024,
  /** Most samples of one shard. It keeps shuffling fine-grained for tiny images. */
  shardSamples: 4_096,
  /** Memory of a reader for shards: a shuffle group of default shards, and one that is read ahead. */
  shardCacheBytes: 160 * 1024 * 1024,
  /** Validation is computed in fixed consecutive blocks of this many samples (docs/design/order-and-seeds.md). */
  evaluationBlock: 64,
  /** Decoded pixels that a worker keeps in memory. */
  imageCacheBytes: 1024 * 1024 * 1024,
  /** Decoded pixels that a worker keeps in a file when its memory is full: a data set of 300,000 images of 64x64. */
  imageFileBytes: 4 * 1024 * 1024 * 1024,
  /** The image file grows only while this much of its disk stays free, because the store may lie on the same disk. */
  diskReserveBytes: 2 * 1024 * 1024 * 1024,
  /** Threads of a worker that decode images: four keep up with engines of 10,000 images a second. */
  decodeThreads: 4,
  /** Steps that a worker decodes ahead of the engine: the least, and the most after the engine had to wait. */
  prefetchSteps: { least: 2, most: 8 },
  /**
   * Decoded images that a worker holds for these steps, the current one included. Many lanes on one worker are computed
   * one after another.
   */
  prefetchBytes: 256 * 1024 * 1024,
  /** Images with more pixels than this are refused at import: a decompression bomb, or a mistake. */
  imagePixels: 268_402_689,
  /** Most lanes of a run. More could not each have a worker; with these the tree is twelve additions deep. */
  lanes: 4_096,
  /**
   * Lanes of one partial at most: the largest default number of lanes. A worker that is cut off within a large share loses
   * no more computed lanes than these (docs/design/lanes-and-tree.md).
   */
  nodeLanes: 8,
  /** Most local steps: twice DiLoCo's 500. A lane's images of a step lie in the worker's memory all at once. */
  localSteps: 1_000,
} as const;
