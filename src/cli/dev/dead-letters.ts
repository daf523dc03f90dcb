import { messageOf } from '../../errors.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { say } from './screen.ts'

/** Shows what was set aside of a queue, as `twq quarantine list` does; never rejects. */
export async function showDeadLetters(queue: string, url: string, flags: GlobalOptions): Promise<void> {
  try {
    const { quarantine } = await import('../quarantine/quarantine.ts')
    await quarantine('list', { ...flags, broker: url, queue })
  } catch (error) {
    say(messageOf(error))
  }
}
