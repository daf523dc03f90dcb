import type { Json, JsonObject } from '../runtime/json.ts'
import type { SendOptions } from './sending.ts'

/** The display text for arguments: a fixed one, or a function of them. */
export type ArgumentDisplay<Arguments> = string | ((args: Arguments) => string)

/** The displays of a task's arguments from its settings. */
export interface ArgumentDisplays {
  readonly argsRepr?: ArgumentDisplay<readonly Json[]>
  readonly kwargsRepr?: ArgumentDisplay<JsonObject>
}

/** The displays that a task's own settings define for a call of it. Errors of a display function are thrown to the caller. */
export function displayOf(
  { argsRepr, kwargsRepr }: ArgumentDisplays,
  { args = [], kwargs = {} }: { readonly args?: readonly Json[]; readonly kwargs?: JsonObject },
): Pick<SendOptions, 'argsRepr' | 'kwargsRepr'> {
  // Most tasks hide nothing.
  if (argsRepr === undefined && kwargsRepr === undefined) return NOTHING_HIDDEN
  return {
    ...(argsRepr !== undefined && { argsRepr: shown(argsRepr, args) }),
    ...(kwargsRepr !== undefined && { kwargsRepr: shown(kwargsRepr, kwargs) }),
  }
}

/** Readers treat an empty text as missing and would show the arguments. */
function shown<Arguments>(display: ArgumentDisplay<Arguments>, args: Arguments): string {
  return String(typeof display === 'string' ? display : display(args)) || '...'
}

const NOTHING_HIDDEN: Pick<SendOptions, 'argsRepr' | 'kwargsRepr'> = Object.freeze({})
