import type { Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** `twq init`. */
export function addInit(program: Command, exit: Exit): void {
  program
    .command('init [folder]')
    .description('write a new project: a task and its test, the configuration, a Dockerfile and a compose file')
    .option('--python', 'with a module that sends tasks from Celery')
    .option('--twq <spec>', 'what package.json says of twq: a version, or a path like file:../twq-0.1.0.tgz')
    .action(async (folder: string | undefined, _options, command: Command) => {
      const module = await import('./init.ts')
      exit(await module.init(folder ?? '.', command.optsWithGlobals()))
    })
}
