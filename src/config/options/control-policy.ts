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

/** Which of them may be given: all, none, or those in the list. */
export type ControlPolicy = 'all' | 'read' | readonly string[]

/** `all`, `read`, or names; commas part them where they are typed. */
export function controlPolicy(): Parser<'all' | 'read' | readonly string[]> {
  const named = (names: readonly unknown[]): ControlPolicy | undefined =>
    names.length > 0 && names.every((name) => CHANGING_COMMANDS.includes(name as string))
      ? (names as readonly string[])
      : undefined
  const word = (value: unknown): ControlPolicy | undefined => (value === 'all' || value === 'read' ? value : undefined)
  return {
    expected: `'all', 'read', or a list of ${CHANGING_COMMANDS.join(', ')}`,
    fromValue: (value) => word(value) ?? (Array.isArray(value) ? named(value) : undefined),
    fromText: (text) => word(text) ?? named(text.split(',').map((name) => name.trim())),
  }
}

/** Whether `policy` allows this command. */
export function allows(policy: ControlPolicy, command: string): boolean {
  if (policy === 'all' || !CHANGING_COMMANDS.includes(command)) return true
  return policy !== 'read' && policy.includes(command)
}
