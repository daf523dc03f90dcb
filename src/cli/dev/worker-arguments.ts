import type { Option } from '../../config/options/option.ts'
import { options } from '../../config/options.ts'
import { flagAttribute, givenAs } from '../flags/config-flags.ts'
import type { GlobalOptions } from '../flags/global-options.ts'

/** The command line of a worker of `twq dev`, after `twq worker start`: the flags that `twq dev` was given, and what only it knows. */
export function workerArguments(flags: GlobalOptions, url: string, generation: number): readonly string[] {
  const given = Object.values<Option>(options).flatMap(({ flag }) => {
    const value = flag && flags[flagAttribute(flag.long)]
    if (flag && typeof value === 'string') return [flag.long, value]
    return flag && value === givenAs(flag.long) ? [flag.long] : []
  })
  if (flags.config !== undefined) given.push('--config', flags.config)
  if (flags.verbose) given.push('--verbose')
  // Two of them run at once for a while, and remote control tells workers apart by their names.
  return [...given, '--broker', url, '--log-format', 'json', '--hostname', `dev${generation}@%h`]
}
