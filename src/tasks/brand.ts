import type { Canvas } from './sending.ts'
import type { AnyTask } from './task.ts'

/**
 * Marks what `defineTask` made. A registered symbol, so that a task made by another copy of the package, for example in a user's
 * own `node_modules`, is recognized.
 */
export const TASK_BRAND: unique symbol = Symbol.for('twq.task')

/** Marks what `signature`, `chain`, `group` and `chord` made, in the same way. */
export const CANVAS_BRAND: unique symbol = Symbol.for('twq.canvas')

/** Whether `value` is a task made by any copy of the package. */
export function isTask(value: unknown): value is AnyTask {
  return brandOf(value, TASK_BRAND) === true
}

/** Whether `value` is a signature or a canvas made by any copy of the package. */
export function isCanvas(value: unknown): value is Canvas {
  return brandOf(value, CANVAS_BRAND) === true
}

/** The value of `brand` on `value`; `undefined` if it can't be read. Never throws, not even for a hostile proxy. */
export function brandOf(value: unknown, brand: symbol): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as { [key: symbol]: unknown })[brand]
  } catch {
    return undefined
  }
}
