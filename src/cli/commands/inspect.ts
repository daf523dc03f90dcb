import type { Command } from 'commander'
import type { Exit } from '../exit-codes.ts'

/** `twq inspect …`. */
export function addInspect(program: Command, exit: Exit): void {
  const inspect = program.command('inspect').description('ask the workers of the broker, Python or TypeScript')
  const questions = {
    active: 'the tasks that run now',
    reserved: 'the tasks that wait for a slot',
    scheduled: 'the tasks that wait for their time',
    registered: 'the tasks they can run',
    revoked: 'the ids that are revoked',
    stats: 'counters and circumstances',
    'active-queues': 'the queues they consume',
    conf: 'their configuration',
    report: 'versions and settings, for a bug report',
    clock: 'their logical clocks',
    ping: 'who is there',
  } as const
  for (const [method, description] of Object.entries(questions) as [keyof typeof questions, string][]) {
    inspect
      .command(method)
      .description(description)
      .option('-d, --destination <nodes>', 'only these workers, by name, separated by commas')
      .action(async (_options, command: Command) => {
        const module = await import('../inspect.ts')
        exit(await module.inspect(method, command.optsWithGlobals()))
      })
  }
}
