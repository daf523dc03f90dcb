/// <reference lib="esnext.disposable" preserve="true" />

export { type ErrorCode, TwqError } from './errors.ts'
export type { Right } from './monitor/answers/session.ts'
export type { HiddenPart } from './monitor/answers/tasks.ts'
export type { Authorize } from './monitor/auth/given-access.ts'
export type { Visitor } from './monitor/auth/visitor.ts'
export { createMonitor, type Monitor } from './monitor/create-monitor.ts'
export type { MonitorOptions } from './monitor/monitor-options.ts'
export type { Hide } from './monitor/store/describe-task.ts'
export type { Logger, LogLine } from './runtime/log/logger.ts'
export type { Declaration } from './tasks/arguments.ts'
export type { CheckableTask } from './tasks/validate-call.ts'
