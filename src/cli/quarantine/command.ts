import type { Command } from 'commander'
import { addFilterFlags, addSweepFlags, QUEUE_FLAG, type SetAsideWords } from '../flags/set-aside-flags.ts'
import type { Exit } from '../terminal/exit-codes.ts'

const WORDS: SetAsideWords = {
  ofTask: 'messages for',
  since: 'messages quarantined',
  things: 'messages',
  own: [
    ['--reason <name>', 'only messages quarantined for this reason, like NotRegistered'],
    ['--id <id>', 'only the message with this task id'],
  ],
}

/** The commands of `twq quarantine`. */
export function addQuarantine(quarantine: Command, exit: Exit): void {
  const actions = {
    list: 'list quarantined messages with the reason',
    replay: 'publish the original messages to their queue again',
    purge: 'delete them',
  } as const
  for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
    const command = quarantine
      .command(action)
      .description(description)
      .action(async (_options, command: Command) => {
        const module = await import('./quarantine.ts')
        exit(await module.quarantine(action, command.optsWithGlobals()))
      })
    addFilterFlags(command, WORDS, action === 'list')
    if (action !== 'list') addSweepFlags(command, WORDS, action === 'purge')
  }
  quarantine
    .command('show <id>')
    .description('show the message of one task id in full')
    .option(...QUEUE_FLAG)
    .action(async (id: string, _options, command: Command) => {
      const module = await import('./quarantine.ts')
      exit(await module.showQuarantined(id, command.optsWithGlobals()))
    })
}
