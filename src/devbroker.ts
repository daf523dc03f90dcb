/// <reference lib="esnext.disposable" preserve="true" />

export { type DevBroker, type DevBrokerOptions, startDevBroker } from './devbroker/server.ts'
export type { Logger, LogLine } from './runtime/log/logger.ts'
export type { Clock, Timer } from './runtime/time/clock.ts'
