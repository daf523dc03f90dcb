import { plainQueue } from '../../protocol/queue/task-queue.ts'
import { declareWithCompanions } from '../../queues/queue-access.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note } from '../terminal/output.ts'
import { connect } from './connect.ts'

/**
 * `twq queue declare [names]`: declares queues, those of the configuration unless others are named, as a worker does;
 * 1 when one exists with other settings, which stay.
 */
export async function queueDeclare(names: readonly string[], flags: GlobalOptions): Promise<number> {
  const { connection, config } = await connect('declare', flags)
  await using _ = connection
  const failures = config.failures === 'drop' ? undefined : config.failures
  const beside = failures === undefined ? '' : ', and its failed tasks'
  let differs = false
  const wanted = names.map((name) => config.knownQueues.find((queue) => queue.name === name) ?? plainQueue(name))
  for (const queue of wanted.length > 0 ? wanted : config.queues) {
    const { name } = queue
    const differences = await declareWithCompanions(connection, queue, failures)
    // The reason for the exit status, also with --quiet.
    for (const { error } of differences) note(`${error.message}. ${error.hint ?? ''}`, { quiet: false })
    if (differences.length === 0) note(`${name} is declared, with its quarantine and its suspects${beside}`, flags)
    differs ||= differences.length > 0
  }
  return differs ? EXIT.failed : EXIT.ok
}
