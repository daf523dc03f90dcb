/// <reference lib="esnext.disposable" preserve="true" />

export type { UserConfig } from './config/config.ts'
export type { ControlOption, ControlPolicy, ControlSettings } from './config/options/control-policy.ts'
export type { WrittenFailures } from './config/options/failures.ts'
export type { CommandView, OwnCommand } from './control/own-command.ts'
export type { RequestView, WorkerStats } from './control/worker-view.ts'
export { type ErrorCode, TwqError } from './errors.ts'
export type {
  ChordAddition,
  ChordPart,
  ChordParts,
  ChordStart,
  KeptAddition,
  ResultTuple,
} from './protocol/chord/chord.ts'
export type { Compression } from './protocol/compression.ts'
export type { ExchangeSettings, QueueSettings } from './protocol/queue/queue-settings.ts'
export type { Destination, RouteFunction, Routes, RouteTable } from './protocol/queue/routes.ts'
export type { ExchangeType, QueueArgument } from './protocol/queue/task-queue.ts'
export type { RemoteError, ResultRecord, State } from './protocol/result-record.ts'
export type { Stamps, StampValue } from './protocol/stamps.ts'
export type { Embed, TaskMessage } from './protocol/task-message.ts'
export type { Headers, HeaderValue, Properties } from './protocol/wire.ts'
export type { ChordJoin, PartEnded, ResultBackend, ResultOwner } from './results/backend.ts'
export type { ResultBackendDefinition, StoringParts } from './results/definition.ts'
export type { GroupStore, ReadingParts, ResultReader } from './results/reader.ts'
export type { Json, JsonObject } from './runtime/json.ts'
export type { Logger, LogLine } from './runtime/log/logger.ts'
export type { Service } from './runtime/service.ts'
export type { Clock, Timer } from './runtime/time/clock.ts'
export type { Schedule, Schedules } from './schedules/entries/schedule.ts'
export type { ArgumentDisplay } from './tasks/argument-display.ts'
export type { ReplaceOptions, TaskContext } from './tasks/context.ts'
export type {
  AttemptEnd,
  Plugin,
  PluginAttempt,
  PluginHost,
  PluginObservers,
  PluginSend,
  SendKind,
  Sent,
  Stop,
  TaskFailure,
  TaskMoment,
} from './tasks/plugin.ts'
export type { Received } from './tasks/result-types.ts'
export type { RetryOptions } from './tasks/retry-options.ts'
export type { RetryMatch, RetryPolicy } from './tasks/retry-policy.ts'
export type {
  AnyArguments,
  Canvas,
  InputOf,
  NameOf,
  ResultOf,
  ResultOptions,
  RevokeOptions,
  Send,
  SendArguments,
  Sendable,
  SendOptions,
  SentHandle,
  TaskHandle,
} from './tasks/sending.ts'
export type { AnyTask, TaskSettings } from './tasks/task.ts'
export type { TaskLogger, TaskLogLine } from './tasks/task-logger.ts'
export type { TimeLimitSetting } from './tasks/time-limits.ts'
export {
  createEmbeddedWorker as createWorker,
  type EmbeddedHealth,
  type EmbeddedWorker,
  type FailingCheck,
  type WorkerOptions,
} from './worker/embedded-worker.ts'
