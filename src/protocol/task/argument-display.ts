import type { Json, JsonObject } from '../../runtime/json.ts'
import { argsRepr, displayOf, kwargsRepr } from '../python-repr.ts'
import type { TaskMessage } from '../task-message.ts'

/** The arguments of a message, and the texts that its sender wants shown for them. */
export type Displayed = Pick<TaskMessage, 'args' | 'kwargs' | 'argsRepr' | 'kwargsRepr'>

/**
 * The text that the sender chose to be shown for the positional arguments, so that a secret among them stays out of logs; undefined
 * where it is their repr, or missing, and hides nothing.
 */
export function chosenArgsRepr({ args, argsRepr: sent }: Displayed): string | undefined {
  // A caller in Python may give them as a list.
  return sent === '' || sent === argsRepr(args) || sent === displayOf(args) ? undefined : sent
}

/** The same for the named arguments. */
export function chosenKwargsRepr({ kwargs, kwargsRepr: sent }: Displayed): string | undefined {
  return sent === '' || sent === kwargsRepr(kwargs) ? undefined : sent
}

/** The displays of a task that is sent with other arguments than `message` had: a text that its sender chose stays. */
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
