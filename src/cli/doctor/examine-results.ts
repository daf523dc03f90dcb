import type { Config } from '../../config/config.ts'
import { hintOf, messageOf } from '../../errors.ts'
import { resultBackendOf } from '../../results/kinds/all.ts'
import { error, type Finding, ok } from './finding.ts'

const CHECK = 'result backend'

/** Whether results can be kept where the configuration says, by what the result backend says of itself. */
export async function examineResults({ resultBackend }: Config, timeout: number): Promise<Finding> {
  let where = ''
  try {
    const backend = resultBackendOf(resultBackend)
    where = `${backend.shown}: `
    return ok(CHECK, (await backend.examine?.(timeout)) ?? backend.shown)
  } catch (thrown) {
    const why = 'No task is acknowledged before its result is stored: it is run again and again.'
    return error(CHECK, `${where}${messageOf(thrown)}`, why, hintOf(thrown) ?? 'Check resultBackend, and what it names')
  }
}
