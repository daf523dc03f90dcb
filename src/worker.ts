export type { UserConfig } from './config/config.ts'
export { type ErrorCode, TwqError } from './errors.ts'
export type { ExchangeSettings, QueueSettings } from './protocol/queue/queue-settings.ts'
export type { Destination, RouteFunction, Routes, RouteTable } from './protocol/queue/routes.ts'
export type { ExchangeType, QueueArgument } from './protocol/queue/task-queue.ts'
export type { State } from './protocol/result-record.ts'
export type { Embed, TaskMessage } from './protocol/task-message.ts'
export type { Headers, HeaderValue, Properties } from './protocol/wire.ts'
export type { Json, JsonObject } from './runtime/json.ts'
export type { Logger, LogLine } from './runtime/log/logger.ts'
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
  TaskMoment,
} from './tasks/plugin.ts'
export type { RetryMatch, RetryPolicy } from './tasks/retry-policy.ts'
export type { AnyTask, TaskSettings } from './tasks/task.ts'
export type { TimeLimitSetting } from './tasks/time-limits.ts'
export {
  createEmbeddedWorker as createWorker,
  type EmbeddedHealth,
  type EmbeddedWorker,
  type FailingCheck,
  type WorkerOptions,
} from './worker/embedded-worker.ts'
