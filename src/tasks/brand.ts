import type { Canvas } from './sending.ts'
import type { AnyTask } from './task.ts'

/**
 * Marks what `defineTask` made. A registered symbol, so that a task made by another copy of the package, in a user's
 * own `node_modules` for one, is a task too.
 */
export const TASK_BRAND: unique symbol = Symbol.for('twq.task')

/** Marks what `signature`, `chain`, `group` and `chord` made, in the same way. */
export const CANVAS_BRAND: unique symbol = Symbol.for('twq.canvas')

/** Whether `value` is a task, whichever copy of the package made it. */
export function isTask(value: unknown): value is AnyTask {
  return brandOf(value, TASK_BRAND) === true
}

/** Whether `value` is a signature, or several put together, whichever copy of the package made it. */
export function isCanvas(value: unknown): value is Canvas {
  return brandOf(value, CANVAS_BRAND) === true
}

/** What `value` carries under `brand`; `undefined` for anything that can't be asked. Never throws, not even for a hostile proxy. */
export function brandOf(value: unknown, brand: symbol): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as { [key: symbol]: unknown })[brand]
  } catch {
    return undefined
  }
}
