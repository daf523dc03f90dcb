import type { EventPublisher } from '../../events/publisher.ts'
import type { PluginList } from '../../plugins/plugin-list.ts'
import type { ChordJoins } from '../follow-ups/chord-joins.ts'
import type { RemoteControl } from '../remote/remote-control.ts'
import type { Revocations } from '../request/revocations.ts'
import type { Autoscaler } from '../run/autoscaler.ts'
import type { LoopWatch } from '../run/loop-watch.ts'
import { Connections, type ConnectionsParts } from './connections.ts'
import type { ConsumerChannels } from './consumer-channels.ts'
import type { WorkerHealth } from './health.ts'
import { drain, type ShutdownParts, type Skip } from './shutdown.ts'
import type { StateFile } from './state-file.ts'

/** A part of a worker with a start, an end, or both. */
export interface Service {
  /** Resolves when it works; rejects with the reason if it can't. */
  start?(): Promise<void> | void
  /** Resolves when it has ended: `forced` if an attempt had to be ended. */
  stop?(skip: Skip): Promise<'clean' | 'forced'> | Promise<void> | void
}

/** A service whose code is loaded when it starts: a worker that does not need it does not load it. */
export function loadedAtStart(load: () => Promise<Service>): Service {
  let service: Service | undefined
  let stopped = false
  return {
    async start() {
      const loaded = await load()
      if (stopped) return
      service = loaded
      await service.start?.()
    },
    stop(skip) {
      stopped = true
      return service?.stop?.(skip)
    },
  }
}

/** The parts of a worker that start and stop. */
export interface ServicesParts extends ConnectionsParts, Omit<ShutdownParts, 'grace' | 'abort'> {
  readonly config: ConnectionsParts['config'] & { readonly shutdown: Pick<ShutdownParts, 'grace' | 'abort'> }
  /** Whether the process is monitored as well: by probes, and by a measurement of its event loop. */
  readonly watched: boolean
  readonly dispatcher: ShutdownParts['dispatcher']
  readonly plugins: PluginList
  readonly health: WorkerHealth
  readonly stateFile: StateFile | undefined
  readonly revocations: Revocations
  readonly events: EventPublisher
  readonly loopWatch: LoopWatch
  readonly unconfirmed: Service
  readonly autoscaler: Autoscaler | undefined
  readonly remote: RemoteControl
  readonly channels: ConsumerChannels
  readonly chordJoins: ChordJoins | undefined
  /** Set if this worker takes part in the schedules. */
  readonly schedules: Service | undefined
}

/** The services of a worker, in the order in which they start; they stop in reverse. */
export function servicesOf(parts: ServicesParts): readonly Service[] {
  const { config, broker, watched, health, stateFile, revocations, events, loopWatch, autoscaler, remote } = parts
  const { plugins, channels, chordJoins, schedules, unconfirmed } = parts
  const probes: Service = { start: () => health.open(), stop: () => health.close() }
  const savedRevocations: Service = {
    async start() {
      const saved = await stateFile?.load()
      if (saved !== undefined) revocations.restore(saved)
    },
  }
  const writtenState: Service = { stop: () => stateFile?.flush() }
  const taskEvents: Service = { stop: () => events.close() }
  const blockedLoop: Service = { start: () => loopWatch.start(), stop: () => loopWatch.stop() }
  // It stops on the event `stopping`: it must not resize a pool that drains.
  const poolSize: Service = { start: () => autoscaler?.start() }
  const neighbours: Service = { start: () => remote.mingle(broker), stop: () => remote.offline() }
  const consuming: Service = {
    async start() {
      await channels.open(parts)
      await chordJoins?.open()
    },
    async stop(skip) {
      const handedBack = chordJoins?.stop()
      const how = await drain({ ...parts, ...config.shutdown }, skip)
      await handedBack
      return how
    },
  }
  return [
    ...(watched ? [probes] : []),
    savedRevocations,
    // Before the first task, and until the last one has ended.
    plugins,
    new Connections(parts),
    writtenState,
    taskEvents,
    ...(watched ? [blockedLoop, unconfirmed] : []),
    poolSize,
    neighbours,
    consuming,
    ...(schedules === undefined ? [] : [schedules]),
  ]
}
