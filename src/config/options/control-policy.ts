import type { OwnCommand } from '../../control/own-command.ts'
import type { Parser } from './parsers.ts'

/** The remote-control commands that change something, by Celery's names. */
export const CHANGING_COMMANDS: readonly string[] = [
  'add_consumer',
  'autoscale',
  'cancel_consumer',
  'disable_events',
  'enable_events',
  'pool_grow',
  'pool_restart',
  'pool_shrink',
  'rate_limit',
  'revoke',
  'revoke_by_stamped_headers',
  'shutdown',
  'terminate',
  'time_limit',
]

/** The commands about schedules that change something: the leader is asked by a queue of its own, not by remote control. */
export const SCHEDULE_COMMANDS: readonly string[] = [
  'schedule_pause',
  'schedule_remove',
  'schedule_resume',
  'schedule_set',
  'schedule_trigger',
]

/** All that can be allowed, or not. */
const REFUSABLE: readonly string[] = [...CHANGING_COMMANDS, ...SCHEDULE_COMMANDS]

/** Celery's other commands, with their older names: a command of your own can't have one of these names. */
export const OTHER_COMMANDS: readonly string[] =
  `active active_queues clock conf dump_active dump_conf dump_reserved dump_revoked dump_schedule dump_tasks election heartbeat hello memdump
  memsample objgraph ping query_task registered report reserved revoked scheduled stats`.split(/\s+/)

/** Which of them may be given: all, none, or those in the list. */
export type ControlPolicy = 'all' | 'read' | readonly string[]

/** What remote control may do, and commands of your own beside Celery's. */
export interface ControlSettings {
  /** Which state-changing commands are allowed, including your own of kind `control`. Default `'all'`. */
  readonly allow?: ControlPolicy
  /** Your own commands by name: `{ reload_rates: { run: () => rates.reload(), help: 'reads the rates again' } }`. */
  readonly commands?: Readonly<Record<string, OwnCommand>>
}

/** The option `control`. */
export type ControlOption = ControlPolicy | ControlSettings

/** The commands of one's own that the option has. */
export function ownCommands(option: ControlOption): Readonly<Record<string, OwnCommand>> {
  return isSettings(option) ? (option.commands ?? {}) : {}
}

function isSettings(option: ControlOption): option is ControlSettings {
  return typeof option === 'object' && !Array.isArray(option)
}

/** `all`, `read`, or names, separated by commas in the environment. */
export function controlPolicy(): Parser<ControlOption> {
  const named = (names: readonly unknown[], own: readonly string[] = []): ControlPolicy | undefined =>
    names.length > 0 && names.every((name) => REFUSABLE.includes(name as string) || own.includes(name as string))
      ? (names as readonly string[])
      : undefined
  const word = (value: unknown): ControlPolicy | undefined => (value === 'all' || value === 'read' ? value : undefined)
  return {
    expected: `'all', 'read', or a list of ${REFUSABLE.join(', ')}; or { allow, commands: { name: { run(args, view) {} } } }`,
    fromValue(value) {
      if (word(value) !== undefined || Array.isArray(value)) return word(value) ?? named(value as unknown[])
      if (!isOwnControl(value)) return undefined
      const { allow = 'all', commands = {} } = value
      const policy = word(allow) ?? (Array.isArray(allow) ? named(allow, Object.keys(commands)) : undefined)
      return policy === undefined ? undefined : { allow: policy, commands }
    },
    fromText: (text) => word(text) ?? named(text.split(',').map((name) => name.trim())),
  }
}

/** Whether the option allows this command. */
export function allows(option: ControlOption, command: string): boolean {
  const policy = isSettings(option) ? (option.allow ?? 'all') : option
  if (policy === 'all' || !changes(option, command)) return true
  return policy !== 'read' && policy.includes(command)
}

/** Whether a command changes something: those of Celery's, and one's own unless they say that they inspect. */
export function changes(option: ControlOption, command: string): boolean {
  const own = ownCommands(option)
  return REFUSABLE.includes(command) || (Object.hasOwn(own, command) && own[command]?.kind !== 'inspect')
}

const KEYS: readonly string[] = ['allow', 'commands']
const COMMAND_KEYS: readonly string[] = ['run', 'kind', 'reply', 'help']

function isOwnControl(value: unknown): value is ControlSettings {
  if (!isRecord(value) || !Object.keys(value).every((key) => KEYS.includes(key))) return false
  const { commands = {} } = value
  return isRecord(commands) && Object.entries(commands).every(([name, own]) => isCommandName(name) && isOwnCommand(own))
}

/** A name of Celery's stays Celery's. */
function isCommandName(name: string): boolean {
  return /^[A-Za-z_]\w{0,99}$/.test(name) && !REFUSABLE.includes(name) && !OTHER_COMMANDS.includes(name)
}

function isOwnCommand(value: unknown): value is OwnCommand {
  if (!isRecord(value) || !Object.keys(value).every((key) => COMMAND_KEYS.includes(key))) return false
  const { run, kind, reply, help } = value
  return (
    typeof run === 'function' &&
    (kind === undefined || kind === 'inspect' || kind === 'control') &&
    (reply === undefined || typeof reply === 'boolean') &&
    (help === undefined || typeof help === 'string')
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
