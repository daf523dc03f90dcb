import { TwqError } from '../../errors.ts'
import { portableJson } from '../../protocol/json.ts'
import { isTooLarge } from '../../protocol/json-writer.ts'
import type { Json } from '../../runtime/json.ts'

/**
 * A task's return value or progress in the form that others read; `what` names it in errors. Throws `TWQ_UNSERIALISABLE` if it
 * has no JSON form, or as soon as that exceeds `maxResultSize` bytes.
 */
export function portableValue(value: unknown, what: string, maxResultSize: number | undefined): Json {
  // Most return values always encode.
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value
  try {
    return portableJson(value, { path: what, ...(maxResultSize !== undefined && { maxSize: maxResultSize }) })
  } catch (error) {
    if (maxResultSize === undefined || !isTooLarge(error)) throw error
    const problem = `${what} has more than the ${maxResultSize} bytes of JSON that maxResultSize allows`
    throw new TwqError('TWQ_UNSERIALISABLE', problem, {
      hint: 'store it elsewhere and give a reference to it, or raise maxResultSize',
    })
  }
}
