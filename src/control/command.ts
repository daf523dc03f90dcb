import type { Json, JsonObject } from '../runtime/json.ts'
import type { WorkerView } from './worker-view.ts'

/** A remote-control command: what `celery inspect NAME` or `celery control NAME` calls. */
export interface ControlCommand {
  readonly name: string
  /** Older names that must go on working. */
  readonly aliases?: readonly string[]
  readonly kind: 'inspect' | 'control'
  /** The arguments that it knows, where others are an error; without this it takes any. */
  readonly only?: readonly string[]
  /** Returns the reply's value for this node; `undefined` sends none. What it throws, or rejects with, becomes an error reply. */
  handle(worker: WorkerView, args: JsonObject): Json | undefined | Promise<Json | undefined>
}

/** Finds a command by its name or by an older one. */
export function commandTable(commands: readonly ControlCommand[]): ReadonlyMap<string, ControlCommand> {
  const table = new Map<string, ControlCommand>()
  for (const command of commands) {
    for (const name of [command.name, ...(command.aliases ?? [])]) table.set(name, command)
  }
  return table
}
