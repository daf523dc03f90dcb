/// <reference lib="esnext.disposable" preserve="true" />

export type {
  Broker,
  Channel,
  CloseReason,
  Connection,
  Delivery,
  EndedConsumer,
  ExchangeSpec,
  PublishListener,
  QueueSpec,
  QueueStatus,
  ServerInfo,
  Subscription,
} from './broker/broker.ts'
export { createMemoryBroker, type MemoryBroker } from './broker/memory/broker.ts'
export type { Client } from './client/create-client.ts'
export type { FailedChange, FailedQuery, FailedTasks } from './client/failed-tasks.ts'
export type { InspectOptions, Inspector, WorkerAnswers } from './client/inspector.ts'
export type { UserConfig } from './config/config.ts'
export type { ControlOption, ControlPolicy, ControlSettings } from './config/options/control-policy.ts'
export type { WrittenFailures } from './config/options/failures.ts'
export type { CommandView, OwnCommand } from './control/own-command.ts'
export type { RequestView, WorkerStats } from './control/worker-view.ts'
export type { ErrorCode, TwqError } from './errors.ts'
export type { EventOptions, EventStream } from './events/receiver.ts'
export type {
  ChordAddition,
  ChordPart,
  ChordParts,
  ChordStart,
  KeptAddition,
  ResultTuple,
} from './protocol/chord/chord.ts'
export type { Compression } from './protocol/compression.ts'
export type { AttemptError, KeptPart } from './protocol/headers/failed.ts'
export type { ExchangeSettings, QueueSettings } from './protocol/queue/queue-settings.ts'
export type { Destination, RouteFunction, Routes, RouteTable } from './protocol/queue/routes.ts'
export type { ExchangeType, QueueArgument } from './protocol/queue/task-queue.ts'
export type {
  ConsumedQueue,
  FoundTask,
  InspectedTask,
  RunnableTask,
  ScheduledTask,
  WorkerStatistics,
} from './protocol/remote/inspect-answers.ts'
export type { CeleryEvent, SentEvent } from './protocol/remote/read-event.ts'
export type { RemoteError, ResultRecord, State } from './protocol/result-record.ts'
export type { Stamps, StampValue } from './protocol/stamps.ts'
export type { Embed, TaskMessage } from './protocol/task-message.ts'
export type { Headers, HeaderValue, Outgoing, Properties, Route, WireMessage } from './protocol/wire.ts'
export type { FailedMessage } from './queues/failed.ts'
export type { FailedSweep } from './queues/failed-sweep.ts'
export type { QuarantinedMessage } from './queues/quarantine.ts'
export type { ChordJoin, PartEnded, ResultBackend, ResultOwner } from './results/backend.ts'
export type { ResultBackendDefinition, StoringParts } from './results/definition.ts'
export type { GroupStore, ReadingParts, ResultReader } from './results/reader.ts'
export type { Json, JsonObject } from './runtime/json.ts'
export type { Logger, LogLine } from './runtime/log/logger.ts'
export type { Service } from './runtime/service.ts'
export type { Clock, Timer } from './runtime/time/clock.ts'
export { ManualClock } from './runtime/time/manual-clock.ts'
export type { Schedule, Schedules } from './schedules/entries/schedule.ts'
export type { ScheduleClient, ScheduleList, ScheduleOutcome } from './schedules/schedule-client.ts'
export type { ScheduleView } from './schedules/state/command.ts'
export type { SendManyError, SentMany } from './sending/send-many.ts'
export type { StoredHandle } from './sending/task-handle.ts'
export type { ArgumentDisplay } from './tasks/argument-display.ts'
export type { Outcome, RetryOverride } from './tasks/attempt/outcome.ts'
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
  AnyHandle,
  ArgumentsOf,
  Canvas,
  GroupHandle,
  InputOf,
  NameOf,
  ResultOf,
  ResultOfHandle,
  ResultOptions,
  RevokeOptions,
  Send,
  SendArguments,
  Sendable,
  SendOptions,
  SentHandle,
  TaskHandle,
} from './tasks/sending.ts'
export type { AnyTask, Task, TaskSettings } from './tasks/task.ts'
export type { TaskLogger, TaskLogLine } from './tasks/task-logger.ts'
export type { TimeLimitSetting } from './tasks/time-limits.ts'
export { type RunTaskOptions, runTask, type TaskRun } from './testing/run-task.ts'
export { startTestWorker, type TestWorker, type TestWorkerOptions, until } from './testing/test-worker.ts'
export type { Worker, WorkerReport } from './worker/lifecycle/worker.ts'
