import type { JsonObject } from '../../runtime/json.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, terminalStyle, toJson, wantsJson } from '../terminal/output.ts'
import { openControlClient, type RemoteFlags, readArguments } from './ask-workers.ts'
import { answerTable, type Replies } from './inspect-report.ts'
import type { RemoteCommand } from './remote-commands.ts'

/**
 * `twq control …`: tells the workers of the broker to do something and prints what they answer. 69 when there is none, or
 * when one that was named is silent; 1 when one of them refuses.
 */
export async function control(command: RemoteCommand, typed: readonly unknown[], flags: RemoteFlags): Promise<number> {
  return await tellWorkers(command.name, command.method, readArguments(command, typed), flags)
}

/** The same for a command that has other words here: `twq task revoke`, `twq worker pause`. */
export async function tellWorkers(name: string, method: string, args: JsonObject, flags: RemoteFlags): Promise<number> {
  await using line = await openControlClient(`control ${name}`, flags)
  if (method === 'shutdown') {
    await line.tell(method, args)
    note(`asked ${line.destination?.join(', ') ?? 'every worker'} to shut down`, flags)
    return EXIT.ok
  }
  const replies = await line.ask(method, args)
  if (wantsJson(flags)) print(asCelery(replies))
  else print(answerTable(replies, terminalStyle()))
  return line.exitStatus(replies)
}

/** As `celery control --json`: a list with an object for each node. */
function asCelery(replies: Replies): string {
  return `${toJson([...replies].sort().map(([node, reply]) => ({ [node]: reply })))}\n`
}
