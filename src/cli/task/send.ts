import { setTimeout } from 'node:timers/promises'
import { createRoutedClient } from '../../client/create-client.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { knownResultBackends, resultBackendOf } from '../../results/kinds/all.ts'
import { canBeRead } from '../../results/result-reading.ts'
import { createRouter } from '../../sending/router.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { type SendFlags, sendOptions } from '../flags/send-request.ts'
import { taskArguments } from '../flags/task-arguments.ts'
import { milliseconds } from '../flags/values.ts'
import { describeMessage } from '../terminal/describe-message.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { fieldTable, print, toJson, wantsJson } from '../terminal/output.ts'
import { withAdvice } from './advice.ts'
import { resultTrouble } from './result-trouble.ts'
import { showTraceback } from './show-traceback.ts'
import { waitForTask } from './wait-for-task.ts'
import { unconsumed } from './who-consumes.ts'
import { ignoredResults, registeredTasks, unknownTask } from './who-runs.ts'

/** The flags of `twq task send`. */
export interface TaskSendFlags extends GlobalOptions, SendFlags {
  readonly wait?: boolean
  readonly dryRun?: boolean
}

// Shorter than the default of a client: a person waits for the error.
const PATIENCE = 2_500

/** `twq task send`: prints the id, or with `--wait` the result; 1 when the task failed, 124 when time ran out. */
export async function taskSend(name: string, argument: string | undefined, flags: TaskSendFlags): Promise<number> {
  const options = sendOptions(flags)
  const timeout = flags.timeout === undefined ? undefined : milliseconds('--timeout', flags.timeout)
  const args = await taskArguments(argument)
  const { config, origins } = await loadConfig('task send', flags, knownResultBackends)
  const backend = resultBackendOf(config.resultBackend)
  if (flags.wait && !canBeRead(backend)) {
    throw new TwqError('TWQ_USAGE', `--wait needs results, and the result backend is '${backend.shown}'`, {
      hint: 'Add --result-backend rpc://',
    })
  }
  const router = createRouter({
    queues: config.knownQueues,
    routes: config.routes,
    defaultQueue: config.defaultQueue,
    defaultPriority: config.defaultPriority,
  })
  const publishTimeout = origins.get('publishTimeout') === 'default' ? PATIENCE : config.publishTimeout
  const resultBackend = flags.wait ? config.resultBackend : 'none'
  const { broker, heartbeat, resultKeyPrefix } = config
  const holdFor = config.delayedDelivery === 'never' ? null : config.holdFor
  const { delayedQueueType } = config
  const settings = { broker, resultBackend, resultKeyPrefix, heartbeat, publishTimeout, holdFor, delayedQueueType }
  await using client = createRoutedClient({ ...settings, logger: resultTrouble(flags) }, router)
  if (flags.dryRun) {
    const fields = describeMessage(client.encode(name, args, options))
    print(
      wantsJson(flags) ? `${toJson(fields)}\n` : fieldTable({ ...fields, exchange: fields.exchange || '(default)' }),
    )
    return EXIT.ok
  }
  const handle = await client.send(name, args, options)
  if (!flags.wait) {
    print(wantsJson(flags) ? `${toJson({ id: handle.id })}\n` : `${handle.id}\n`)
    return EXIT.ok
  }
  const named = `${name}[${handle.id}]`
  // With an exchange of its own, only the broker knows the queue.
  const queue = options.exchange === undefined ? router.address(name, args, options).queue : undefined
  const wait = {
    handle,
    named,
    opening: `sent ${named}; waiting for its result${timeout === undefined ? ' (no time limit: -t sets one)' : ''}`,
    doubt: (over: AbortSignal) => doubt(name, queue, config, over),
    flags,
  }
  return await waitForTask(wait, async (signal) => {
    try {
      print(`${toJson(await handle.result({ signal, ...(timeout !== undefined && { timeout }) }))}\n`)
      return EXIT.ok
    } catch (error) {
      if (signal.aborted) throw error
      showTraceback(error, flags)
      throw await withAdvice(error, name, config)
    }
  })
}

// Most tasks have ended by then.
const LOOK_AGAIN = 1_500

/** Why the result may not come: the queue has no consumer, no worker has the task, or the task ignores its results. */
async function doubt(
  task: string,
  queue: string | undefined,
  config: Config,
  over: AbortSignal,
): Promise<string | undefined> {
  const remark = queue === undefined ? undefined : await unconsumed(config, queue)
  if (remark !== undefined) return remark
  await setTimeout(LOOK_AGAIN, undefined, { signal: over })
  const registered = await registeredTasks(config)
  return unknownTask(task, registered) ?? ignoredResults(task, registered)
}
