import { Argument, type Command } from '../flags/commander.ts'
import type { Exit } from '../terminal/exit-codes.ts'

/** The arguments of `twq completion`, which reads what may be typed from its parent, where all the families are. */
export function addCompletion(command: Command, exit: Exit): void {
  command
    .addArgument(new Argument('<shell>', 'the shell to complete in').choices(['bash', 'zsh', 'fish']))
    .addArgument(new Argument('[words...]', 'the words typed so far; prints the candidates, for the script'))
    .action(async (shell: string, words: readonly string[], _options, { parent }: Command) => {
      const { completion } = await import('./completion.ts')
      exit(completion(parent as Command, shell as 'bash' | 'zsh' | 'fish', words))
    })
}
