import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** The flags of `twq init`. */
export function addInit(init: Command, exit: Exit): void {
  init
    .argument('[folder]')
    .option('--python', 'add a Celery client module')
    .option(
      '--twq <spec>',
      'the version of twq for package.json, or a packed one like file:../twq-0.1.0.tgz, which is copied',
    )
    .action(async (folder: string | undefined, _options, command: Command) => {
      const module = await import('./init.ts')
      exit(await module.init(folder ?? '.', command.optsWithGlobals()))
    })
}
