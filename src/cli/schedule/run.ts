import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { createSession, type Session } from '../../broker/session.ts'
import { isQuorumAsFound } from '../../broker/topology.ts'
import type { Config } from '../../config/config.ts'
import { allows } from '../../config/options/control-policy.ts'
import { PluginList } from '../../plugins/plugin-list.ts'
import { createLogger } from '../../runtime/log/logger.ts'
import { onStopSignals } from '../../runtime/process/process-signals.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import { SchedulesService } from '../../schedules/service.ts'
import { DeclaredQueues } from '../../sending/declared-queues.ts'
import { createRouter } from '../../sending/router.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { AbsenceLog } from '../../worker/lifecycle/absence-log.ts'
import { logSession } from '../../worker/lifecycle/session-log.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { EXIT } from '../terminal/exit-codes.ts'

const CLOSING_TIME = 2_000

/** `twq schedule run`: takes part in the election of the leader without a worker; runs until a signal ends it. */
export async function scheduleRun(flags: GlobalOptions): Promise<number> {
  const { config } = await loadConfig('schedule run', flags)
  const { nodeName: node, logLevel: level, logFormat: format, heartbeat, publishTimeout } = config
  const logger = createLogger({ level, format, fields: { node, pid: process.pid } })
  const clock = systemClock
  const registry = createRegistry((await loadTasks(config)).tasks)
  const broker = amqpBroker({ url: config.broker, heartbeat, name: `${node} schedules` })
  const session = createSession({ broker, name: `${node} schedules`, clock, random: Math.random })
  const plugins = new PluginList({
    plugins: config.plugins,
    tasks: [],
    host: { role: 'worker', node, pool: config.pool },
    startTimeout: config.startTimeout,
    publishTimeout,
    stopTimeout: config.shutdown.grace,
    clock,
    logger,
  })
  const router = createRouter({
    queues: config.knownQueues,
    routes: config.routes,
    defaultQueue: config.defaultQueue,
    defaultPriority: config.defaultPriority,
  })
  const service = new SchedulesService({
    namespace: config.schedulesNamespace,
    schedules: config.schedules ?? {},
    registry,
    node,
    session,
    declaring: session,
    isQuorum: () => anyQuorum(session, config),
    router,
    queues: new DeclaredQueues(session, router),
    sendHooks: plugins.sends,
    allows: (command) => allows(config.control, command),
    heartbeat,
    clock,
    logger,
  })
  const stopped = deferred<void>()
  using _signals = onStopSignals(() => stopped.resolve(), { logger })
  // The timers of the clock keep no process alive, nor does a connection that is being opened again.
  const alive = setInterval(() => {}, 2 ** 30)
  const absence = new AbsenceLog({ clock, logger, terminal: process.stderr.isTTY === true })
  session.listen((event) => {
    logSession({ logger, absence }, 'publisher', event)
    if (event.kind === 'failed') stopped.reject(event.error)
  })
  const lead = async (): Promise<void> => {
    await session.start()
    await service.start()
  }
  await plugins.start()
  try {
    // A signal ends it also while the broker is away.
    await Promise.race([lead(), stopped.promise])
    await stopped.promise
    await service.stop()
  } finally {
    clearInterval(alive)
    await session.stop({ deadline: AbortSignal.timeout(CLOSING_TIME) })
    await plugins.stop()
  }
  return EXIT.ok
}

async function anyQuorum(session: Session, { queues }: Config): Promise<boolean> {
  const found = await Promise.all(queues.map((queue) => isQuorumAsFound(session, queue, [])))
  return found.includes(true)
}
