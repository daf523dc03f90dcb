import { randomUUID } from 'node:crypto'
import { knownResultBackends } from '../../results/kinds/all.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { asSent } from '../../testing/run-message.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { taskArguments } from '../flags/task-arguments.ts'
import { localRouter, localTasks, runHere, taskNamed } from './run-here.ts'

/** The flags of `twq task run` and `twq task replay`. */
export interface LocalFlags extends GlobalOptions {
  readonly taskId?: string
  readonly queue?: string
  readonly send?: boolean
  readonly inspectBrk?: string | true
}

/** `twq task run`: runs a task of the configuration in this process, without a broker. The status is that of its outcome. */
export async function taskRun(name: string, argument: string | undefined, flags: LocalFlags): Promise<number> {
  const args = await taskArguments(argument)
  const { config } = await loadConfig('task run', flags, knownResultBackends)
  const registry = await localTasks(config, flags)
  const task = taskNamed(name, registry)
  const router = localRouter(config)
  const message = asSent(task, args, { taskId: flags.taskId ?? randomUUID() }, { clock: systemClock, router })
  const { queue } = router.address(name, args, task.settings.queue === undefined ? {} : { queue: task.settings.queue })
  const { inspectBrk, send = false } = flags
  const how = { registry, router, inspectBrk, send, flags }
  return await runHere({ config, task, message, queue, redelivered: false, ...how })
}
