/** Every limit and deadline of Trainyard in one table, each with its reason. Units last in the names. */
export const limits = {
  /** Tensor chunks: a quarter of grpc-js' default message limit, so that no peer needs a setting. */
  chunkBytes: 1024 * 1024,
  /** What a tensor message has around its chunk; and all of a request for weights. */
  envelopeBytes: 8 * 1024,
  /** No gRPC message is ever larger; also set explicitly on both sides. */
  messageBytes: 4 * 1024 * 1024,
  /** Of a worker's message without its layout or statistics: decoded lists take up a hundred times as much. */
  controlBytes: 128 * 1024,
  /** Samples that one report of damage names: as many 7-byte numbers as `controlBytes` has room for. */
  damagedSamples: 16_384,
  /** Files of an export: a tfjs model of 100 GiB has 25,000, ours a few dozen. */
  exportedPaths: 1_024,
  /** Names of workers, hosts, devices and runs, which are labels, and part of every message. */
  nameCharacters: 256,
  /** What a worker says went wrong, cut to this: a page of it, not the graph that TensorFlow prints along. */
  sentenceCharacters: 2_000,
  /** A tensor stream on which nothing moves for so long, though something is due, has hung: the worker reconnects. */
  tensorSilenceMs: 60_000,
  /** Memory of a slice for partials that come out of their lanes' order: a sender without room waits (admission.ts), ... */
  partialsBytes: 32 * 1024 * 1024,
  /** ... but no longer than this, so that a late lane can't hold up the others' streams. */
  admissionMs: 2_000,
  /** Of one upload stream: 1 MiB chunks at ten times what loopback takes, or the small ones of a small model. */
  uploadMessages: { perSecond: 10_000, burst: 20_000 },
  /** A partial that comes up more slowly, after `tensorSilenceMs`, is given up: it holds memory. */
  slowestBytesPerSecond: 64 * 1024,
  /** Versions of weights that are being sent at once, at least; more where `partialsBytes` has room for them. */
  versionsMin: 4,
  /** HTTP/2 window of a worker's weights and of a reducer's partials: 400 MiB/s at 10 ms each way. */
  receiveWindowBytes: 8 * 1024 * 1024,
  /** What all senders of a reducer together may have under way: with many lanes each has a smaller window, ... */
  receiveWindowsBytes: 32 * 1024 * 1024,
  /** ... but never a smaller one than this. */
  receiveWindowMinBytes: 512 * 1024,
  /** Worker to coordinator, so that a vanished machine is noticed within `lostAfterMs`. */
  heartbeatMs: 1_000,
  /** A change of what a worker does is told at once, but heartbeats never come closer together than this. */
  phaseBeatMs: 100,
  /** Without any message for so long a worker is lost and its lanes go to others. */
  lostAfterMs: 5_000,
  /** A step is late after max(stepDeadlineFactor x median, stepDeadlineMinMs). */
  stepDeadlineFactor: 10,
  stepDeadlineMinMs: 10_000,
  /** Late after lateFactor x the median time of the last 20 steps, at least lateMinMs: others help (DESIGN 5.9). */
  lateFactor: 4,
  lateMinMs: 250,
  /** A reducer's thread starts within a second; on a machine that is busy with other things, within this. */
  reducerStartMs: 60_000,
  /** Reducers add and apply within milliseconds: told of after the first, given up after the second. */
  reduceLateMs: 2_000,
  reduceMs: 30_000,
  /** Results of a worker that were wrong, after which it is drained. */
  suspicions: 3,
  /** An evaluation block (64 samples) is redone elsewhere after this. */
  evaluationDeadlineMs: 60_000,
  /** Certificates and tokens are looked at this often: a revoked token's streams end within it. */
  securityLookMs: 1_000,
  /** Whoever does not finish a TLS handshake within this is dropped. */
  handshakeMs: 10_000,
  /** A coordinator to which no worker comes gives up after this. */
  noWorkersMs: 600_000,
  /** Reconnect back-off; gRPC's own cap is 120 s, in which a cluster stands still. */
  reconnectMinMs: 100,
  reconnectMaxMs: 2_000,
  /** Members of a run that has few lanes: a fleet of a thousand; with many twice as many as lanes. Each costs a look at every event. */
  spares: 2_048,
  /** Kinds of machines in one run with --allow-mixed: each is kept in every checkpoint. */
  machineKinds: 64,
  /** What 64 reducers of a 4,096-lane run have room for. */
  parameters: 4_000_000_000,
  /** Tensors of a model: ResNet-152 has 500 of them. */
  tensors: 20_000,
  /** What is left of traces is sent for so long at the end; so is each batch before. */
  traceFlushMs: 1_000,
  /** Connections to one port of whom nobody knows yet whose they are; a fleet that comes at once is known at once. */
  unidentifiedConnections: 512,
  /** Whoever connects and does not say within this who it is, and what it wants, is sent away. */
  helloMs: 10_000,
  /** Tensor streams of one worker to one slice: two, and two of a former session. */
  tensorStreams: 4,
  /** Streams of one connection to the control port: a worker has one, a proxy brings a fleet's. */
  controlStreams: 256,
  /** HTTP/2 sessions hold no more for themselves than this, windows aside. */
  sessionMegabytes: 32,
  /** A connection to the control port without a stream is closed after this. */
  idleConnectionMs: 60_000,
  /** Of one worker's control stream: records of all lanes at once, then ten times what a busy one says. */
  controlMessages: { perSecond: 1_000, burst: 10_000 },
  /** Workers that join from one address: a whole fleet at once; then as many as may come and go for ever. */
  hellos: { perSecond: 5, burst: 4_096 },
  /** Addresses whose hellos are counted. */
  helloAddresses: 1_024,
  /** One request and its answer; a page's reader that takes nothing for so long is gone. */
  httpMs: 10_000,
  httpSilenceMs: 30_000,
  /** A connection for requests one after another, as Prometheus has it, is made anew after this. */
  httpConnectionMs: 600_000,
  /** Unfinished requests are looked at this often. */
  httpLookMs: 1_000,
  /** Hands lanes back and exits within this. */
  drainMs: 10_000,
  /** A worker gives up on a coordinator that it could never reach after this. */
  firstConnectMs: 120_000,
  /** One that has to wait says so this often. */
  lookingNoteMs: 60_000,
  /** One that serves run after run looks for the next one after this: until then the former one tells of its end. */
  betweenRunsMs: 1_500,
  /** Without a coordinator it asks the store this often whether its run has finished. */
  endLookupMs: 5_000,
  /** A worker records graphs and opens its data within this of the welcome. */
  prepareMs: 180_000,
  /** … and is told of as late after this. */
  prepareLateMs: 60_000,
  /** Models and exports are written within this. */
  exportMs: 120_000,
  /** … and told of as late after this. */
  exportLateMs: 30_000,
  /** One object store call, retries included. */
  storeCallMs: 30_000,
  /** Metrics of a run that has ended are shown so long, unless another begins: two scrapes of Prometheus' default interval. */
  endedRunShownMs: 120_000,
  /** The owner of a run rewrites its record this often, so that others see that it lives. */
  renewMs: 3_000,
  /** One renewal may take so long: with the pause before it, well below `takeoverMs`. */
  renewCallMs: 5_000,
  /** A coordinator that is not reached and whose record stands still for so long is taken over. */
  takeoverMs: 15_000,
  /** The same where another machine refuses the connection, which may be a proxy's word: one renewal, and some. */
  takeoverRefusedMs: 5_000,
  /** While it waits, the other one looks at the record this often. */
  takeoverPollMs: 1_000,
  /** For so long the last checkpoint, the export and the publication are tried again before the run fails. */
  storePatienceMs: 600_000,
  /** Between two of these tries. */
  storeRetryMs: 5_000,
  /** A store that sends nothing for so long has hung or vanished: the request is dropped, and tried again. */
  storeSilenceMs: 10_000,
  /** Parts of a multipart upload; S3 wants at least 5 MiB and at most 10,000 of them. */
  storePartBytes: 8 * 1024 * 1024,
  /** Larger objects go multipart. */
  storeSinglePutBytes: 16 * 1024 * 1024,
  /** Target size of a data set's shard: few enough requests, small enough to read ahead. */
  shardBytes: 16 * 1024 * 1024,
  /** Most samples of one shard: keeps shuffling fine-grained for tiny pictures. */
  shardSamples: 4_096,
  /** Shards that a reader keeps: a shuffle group of default shards, and one being read ahead. */
  shardCacheBytes: 160 * 1024 * 1024,
  /** Validation is computed in fixed consecutive blocks of this many samples (DESIGN 5.7). */
  evaluationBlock: 64,
  /** Decoded pixels that a worker keeps in memory. */
  imageCacheBytes: 1024 * 1024 * 1024,
  /** … and in a file, of what memory has no room for: a data set of 300,000 pictures of 64x64. */
  imageFileBytes: 4 * 1024 * 1024 * 1024,
  /** … which grows only while so much of its disk stays free: the store may lie on the same. */
  diskReserveBytes: 2 * 1024 * 1024 * 1024,
  /** Threads of a worker that decode: four keep up with engines of 10,000 pictures a second. */
  decodeThreads: 4,
  /** Steps that a worker decodes ahead of the engine: the least, and the most after it had to wait. */
  prefetchSteps: { least: 2, most: 8 },
  /** Pictures that it holds for that, the step under way included: many lanes on one worker come one after another. */
  prefetchBytes: 256 * 1024 * 1024,
  /** Pictures larger than this are refused at import: a decompression bomb, or a mistake. */
  imagePixels: 268_402_689,
  /** More could not each have a worker; the tree stays twelve additions deep. */
  lanes: 4_096,
  /** Twice DiLoCo's 500: a lane's pictures of a step lie in the worker's memory all at once. */
  localSteps: 1_000,
} as const;
