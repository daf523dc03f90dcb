import type { Json, JsonObject } from '../../runtime/json.ts'
import { argsRepr, displayOf, kwargsRepr } from '../python-repr.ts'
import type { TaskMessage } from '../task-message.ts'

/** The arguments of a message, and the texts that its sender wants displayed instead. */
export type Displayed = Pick<TaskMessage, 'args' | 'kwargs' | 'argsRepr' | 'kwargsRepr'>

/**
 * The text that the sender chose to display for the positional arguments, to keep a secret in them out of logs; undefined if it
 * is just their repr, or missing.
 */
export function chosenArgsRepr({ args, argsRepr: sent }: Displayed): string | undefined {
  // A Python caller may give them as a list.
  return sent === '' || sent === argsRepr(args) || sent === displayOf(args) ? undefined : sent
}

/** The same for the keyword arguments. */
export function chosenKwargsRepr({ kwargs, kwargsRepr: sent }: Displayed): string | undefined {
  return sent === '' || sent === kwargsRepr(kwargs) ? undefined : sent
}

/** The display texts for a task sent with other arguments than `message` had: texts chosen by the sender are kept. */
export function displayOfOthers(
  message: Displayed,
  args: readonly Json[],
  kwargs: JsonObject,
): { readonly argsRepr: string; readonly kwargsRepr: string } {
  return {
    argsRepr: chosenArgsRepr(message) ?? argsRepr(args),
    kwargsRepr: chosenKwargsRepr(message) ?? kwargsRepr(kwargs),
  }
}
