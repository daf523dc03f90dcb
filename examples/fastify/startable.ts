import { call_partner, divide, greet, report } from './tasks.ts'

/** A field of a form, as a JSON schema: Fastify validates with it, and the page makes an input of it. */
interface Field {
  readonly type: 'string' | 'integer'
  /** The form's initial value. */
  readonly default: string | number
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
}

/** A task that the page offers. */
export interface Startable {
  readonly name: string
  readonly about: string
  readonly fields: Readonly<Record<string, Field>>
}

const number = { type: 'integer', minimum: -1_000_000, maximum: 1_000_000 } as const

/** All tasks that requests may start. No worker has the last one, to show what happens then. */
export const startable: readonly Startable[] = [
  {
    name: greet.name,
    about: 'Greets somebody.',
    fields: { name: { type: 'string', default: 'Ada', minLength: 1, maxLength: 100 } },
  },
  {
    name: report.name,
    about: 'Works through rows, and tells how far it is.',
    fields: { rows: { type: 'integer', default: 10, minimum: 1, maximum: 1_000 } },
  },
  { name: call_partner.name, about: 'Fails once, and is tried again a second later.', fields: {} },
  {
    name: divide.name,
    about: 'Divides two numbers, which fails for zero.',
    fields: { x: { ...number, default: 1 }, y: { ...number, default: 0 } },
  },
  { name: 'no_such_task', about: 'A task that no worker knows.', fields: {} },
]
