import { note, print, terminalStyle, wantsJson } from '../terminal/output.ts'
import { openControlClient, type RemoteFlags, readArguments } from './ask-workers.ts'
import { activeTable, countTasks, detailsByNode, pingTable, type Replies, repliesAsJson } from './inspect-report.ts'
import type { RemoteCommand } from './remote-commands.ts'

/** The flags of `twq inspect …`. */
export interface InspectFlags extends RemoteFlags {
  /** Of `conf`: also what is at its default. */
  readonly withDefaults?: boolean
}

/**
 * `twq inspect …`: asks the workers of the broker, in whatever language, and prints what they answer. 69
 * when there is none, or when one that was named is silent.
 */
export async function inspect(command: RemoteCommand, typed: readonly unknown[], flags: InspectFlags): Promise<number> {
  const args = { ...readArguments(command, typed), ...(flags.withDefaults && { with_defaults: true }) }
  await using line = await openControlClient(`inspect ${command.name}`, flags)
  const replies = await line.ask(command.method, args)
  if (wantsJson(flags)) print(repliesAsJson(replies))
  else show(command.method, replies, flags)
  return line.exitStatus(replies)
}

/** `twq status`: the workers that are there; 69 when there is none. */
export async function status(flags: RemoteFlags): Promise<number> {
  await using line = await openControlClient('status', flags)
  const replies = await line.ask('ping')
  if (wantsJson(flags)) print(repliesAsJson(replies))
  else print(pingTable(replies, terminalStyle()))
  note(replies.size === 1 ? '1 node online' : `${replies.size} nodes online`, flags)
  return line.exitStatus(replies)
}

function show(method: string, replies: Replies, flags: RemoteFlags): void {
  const listsTasks = method === 'active' || method === 'reserved'
  if (method === 'ping') print(pingTable(replies, terminalStyle()))
  else if (!listsTasks) print(detailsByNode(replies))
  else if (countTasks(replies) > 0) print(activeTable(replies, Date.now(), terminalStyle()))
  else note(`nothing ${method === 'active' ? 'runs' : 'waits'} on ${[...replies.keys()].sort().join(', ')}`, flags)
}
