import { note, print, terminalStyle, wantsJson } from '../terminal/output.ts'
import { openControlClient, type RemoteFlags, readArguments } from './ask-workers.ts'
import { detailsByNode, pingTable, type Replies, repliesAsJson } from './inspect-report.ts'
import type { RemoteCommand } from './remote-commands.ts'
import { countTasks, emptyText, taskTable } from './task-tables.ts'

/** The flags of `twq inspect …`. */
export interface InspectFlags extends RemoteFlags {
  /** Of `conf`: also what is at its default. */
  readonly withDefaults?: boolean
}

/**
 * `twq inspect …`: asks the workers of the broker, Python's and ours, and prints their answers. 69
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
  const empty = emptyText(method)
  if (method === 'ping') print(pingTable(replies, terminalStyle()))
  else if (empty === undefined) print(detailsByNode(replies))
  else if (countTasks(method, replies) > 0) print(taskTable(method, replies, Date.now(), terminalStyle()))
  else note(`${empty} on ${[...replies.keys()].sort().join(', ')}`, flags)
}
