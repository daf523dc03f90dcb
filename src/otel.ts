export { type OpenTelemetryOptions, openTelemetry } from './otel/open-telemetry.ts'
export type { ResultTuple } from './protocol/chord/chord.ts'
export type { Compression } from './protocol/compression.ts'
export type { RemoteError, ResultRecord, State } from './protocol/result-record.ts'
export type { Stamps, StampValue } from './protocol/stamps.ts'
export type { Embed, TaskMessage } from './protocol/task-message.ts'
export type { Headers, HeaderValue, Properties } from './protocol/wire.ts'
export type { Json, JsonObject } from './runtime/json.ts'
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
export type { TaskLogger, TaskLogLine } from './tasks/task-logger.ts'
