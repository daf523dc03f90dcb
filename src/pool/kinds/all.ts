import { asyncKind } from './async.ts'
import { processes } from './processes.ts'
import { solo } from './solo.ts'
import { threads } from './threads.ts'

/** Every kind of pool, the default one first. Importing them loads no pool. */
export const poolKinds = [asyncKind, threads, processes, solo] as const

/** The name of a kind. */
export type PoolKindName = (typeof poolKinds)[number]['name']

/** The kind of this name. */
export function kindOf(name: PoolKindName): (typeof poolKinds)[number] {
  return poolKinds.find((kind) => kind.name === name) as (typeof poolKinds)[number]
}
